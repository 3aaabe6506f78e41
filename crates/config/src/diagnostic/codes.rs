//! The table of all codes: number, level, a name for people and the page that
//! `trunkline explain TL0103` prints. A code never changes its meaning and is never used again:
//! one that is no longer given is marked as retired and stays.
//!
//! `00xx` reading and syntax · `01xx` meaning of `trunkline.yaml` · `02xx` what is not served.

use std::fmt::{self, Write as _};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// What was read cannot be used.
    Error,
    /// What was read can be used; something happens otherwise than it says.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `TL0103`.
    pub code: &'static str,
    /// A short name in words: `unknown key`.
    pub name: &'static str,
    /// The level of its messages.
    pub level: Level,
    /// The page that `trunkline explain` prints: what it means, why it is so, what to do.
    pub page: &'static str,
    /// Whether it is no longer given.
    pub retired: bool,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

/// The row of a code such as `TL0103`; case does not matter.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    TABLE.iter().copied().find(|row| row.code.eq_ignore_ascii_case(code))
}

/// All codes as one Markdown page: `docs/reference/codes.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Codes of messages\n\nGenerated from `crates/config/src/diagnostic/codes.rs`; \
         `trunkline explain TL0103` prints one of them.\n",
    );
    for code in TABLE {
        let retired = if code.retired { ", no longer given" } else { "" };
        let _ = write!(
            page,
            "\n## {} {}\n\n*{}{retired}*\n\n{}\n",
            code.code, code.name, code.level, code.page
        );
    }
    page
}

macro_rules! codes {
    ($($constant:ident = $code:literal $level:ident $name:literal: $page:literal)*) => {
        $(
            #[doc = concat!($code, ": ", $name, ".")]
            pub const $constant: &Code = &Code {
                code: $code,
                name: $name,
                level: Level::$level,
                page: $page,
                retired: false,
            };
        )*

        /// Every code, in the order of their numbers.
        pub const TABLE: &[&Code] = &[$($constant),*];
    };
}

codes! {
    UNREADABLE = "TL0001" Error "unreadable file":
        "A file that was named on the command line or in `include` cannot be read: it does not exist, is a folder \
         or a device, or you may not read it.\n\n\
         Check the path; paths in `include` are relative to the file that names them. A running Trunkline keeps its last good configuration."
    NOT_TEXT = "TL0002" Error "not UTF-8 text":
        "Configuration is UTF-8 text. The file holds bytes that are not, in the line named.\n\n\
         Save it as UTF-8. If it is compressed or encrypted, unpack it first."
    TOO_LARGE = "TL0003" Error "file too large":
        "A configuration file has at most 16 MiB. The limit keeps a wrong path from filling the memory.\n\n\
         Split the file and list its parts in `include`."
    SYNTAX = "TL0004" Error "not valid YAML":
        "The file is not YAML, and so not JSON either. The place is where the reader could not go on; the mistake is often a line earlier: \
         a missing colon, a missing quote, a tab, or a line that is indented by one space too many or too few."
    TOO_DEEP = "TL0005" Error "nested too deep":
        "Maps and lists nest more than 64 levels. No configuration needs that; the limit protects the reader from files made to harm it."
    TOO_MANY_NODES = "TL0006" Error "too many values":
        "One file holds more than a million values, or more than ten thousand documents.\n\nSplit the file and list its parts in `include`."
    EXPANSION = "TL0007" Error "aliases expand too far":
        "Anchors (`&name`) and aliases (`*name`) repeat a part of the file. Aliases of parts that hold aliases multiply, \
         and a file of a few lines can grow beyond all memory (a \"YAML bomb\"). At most 100 000 values may come from aliases.\n\n\
         Write the part fewer times."
    DUPLICATE_KEY = "TL0008" Error "key given twice":
        "A map has the same key twice. Many programs silently take the last one; here it is an error, because one of the two was meant \
         to do something and would not.\n\nKeep one, or merge the two."
    ALIAS = "TL0009" Error "alias of an incomplete part":
        "An alias `*name` stands inside of the part that `&name` marks, or in another document. It would repeat itself for ever."
    MERGE = "TL0010" Error "merge of something that is not a map":
        "`<<: *name` takes the keys of another map into this one. It needs a map, or a list of maps."
    TAG = "TL0011" Error "unknown tag":
        "A tag such as `!secret` asks for a kind of value. Only the tags of plain YAML are known: \
         `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq`, `!!map`."
    KEY = "TL0012" Error "key that is not text":
        "The keys of a map are text. A list, a map, a fraction or nothing cannot be a key."
    SEVERAL_DOCUMENTS = "TL0013" Error "several documents":
        "`---` starts another document in the same file. A `trunkline.yaml` is one document.\n\n\
         Put the others into files of their own and list them in `include`."
    EMPTY_FILE = "TL0014" Error "empty file":
        "The file holds no configuration: it is empty or has comments only."
    UNKNOWN_DIALECT = "TL0015" Error "unknown kind of file":
        "Files are told apart by their content, not by their name. `version: 1` is a `trunkline.yaml`. This file is none of the kinds known."
    DIALECT_NOT_SERVED = "TL0016" Error "dialect not served":
        "The file is the configuration of another product, and this version of Trunkline does not read that product's files yet.\n\n\
         Take it out of `include`, and say the same in `trunkline.yaml`."
    INCLUDE_CYCLE = "TL0017" Error "files include each other":
        "A file includes itself, directly or through others."
    INCLUDE_NOTHING = "TL0018" Error "include matches nothing":
        "An entry of `include` matches no file. Paths are relative to the file that names them; \
         `*` stands for a part of a name, `**` for any folders."
    TOO_MANY_FILES = "TL0019" Error "too many files":
        "`include` leads to more than a thousand files. A pattern is probably wider than it was meant to be."

    UNKNOWN_KEY = "TL0101" Error "unknown key":
        "A key is not known here. It is an error and not a warning, because a mistyped key would silently leave its default in force.\n\n\
         The hint names the nearest key. `trunkline schema` prints all of them."
    MISSING_KEY = "TL0102" Error "missing key":
        "A key that must be given is not there."
    UNKNOWN_CALLEE = "TL0103" Error "call to a service that does not exist":
        "`calls` lists the services that a service calls. Start order, injected addresses and allowed callers follow from it, \
         so each name must be a service of this project.\n\n\
         Correct the name, or add the service; one that runs elsewhere is added as `name: { external: \"host:port\" }`."
    WRONG_TYPE = "TL0104" Error "wrong type":
        "A value is of another kind than the key takes: a list where one text is meant, a number where a duration is meant.\n\n\
         Durations, rates, sizes and shares are texts with units: `2s`, `20/s`, `16MiB`, `12.5%`."
    BAD_VALUE = "TL0105" Error "value that cannot be":
        "A value is of the right kind, but not one that the key takes. The message says what is expected."
    CIRCULAR_CALLS = "TL0106" Error "circular calls":
        "Services are started in the order of `calls`: what is called starts first. A circle has no first.\n\n\
         Take one of the calls out of the circle. If the services really call each other, declare the call that is needed to start \
         and let the other go through the gateway."
    PORT_TWICE = "TL0107" Error "two services on one port":
        "Two services of this machine say that they listen on the same port. The second could not start.\n\n\
         Give one of them another port, or leave `port` out: Trunkline chooses one and passes it as `PORT`."
    ROUTE_TO_NOTHING = "TL0108" Error "route to a service that does not exist":
        "A route or a fallback leads to a service that is not in `services`.\n\nCorrect the name in `to`, or add the service."
    LISTENER_TWICE = "TL0109" Error "two files claim one listener":
        "Each address that Trunkline listens on has one owner, so that it is clear whose routes, limits and certificates hold there.\n\n\
         Say which file owns it with `edge: <file>`, put one behind the other with `chain: [a, b]`, or give one of them another `port:`."
    BAD_CERTIFICATE = "TL0110" Error "certificate that cannot be used":
        "A certificate or key file cannot be read, is not PEM, or holds no certificate or key."
    NAME_TWICE = "TL0111" Error "name given twice":
        "Two files define a service of the same name, or two files set the same global value. One of them would be ignored."
    UNKNOWN_ENV = "TL0112" Error "unknown environment":
        "`--env` names an overlay that the file does not have under `env`."
    UNKNOWN_VERSION = "TL0113" Error "unknown version":
        "`version` is the version of the file format. This Trunkline reads version 1."
    CONFLICT = "TL0114" Error "keys that exclude each other":
        "Two keys were given that cannot hold together, such as `redirect` and `to` of one route."
    BAD_MATCH = "TL0115" Error "match that cannot be":
        "The match of a route cannot be read. A short match is `[METHOD[,METHOD]] [host]/path`, where `*` stands for a part of one \
         segment and `**` for any number of segments: `GET,POST /api/orders/**`, `shop.example.com/`."
    SAME_MATCH = "TL0116" Error "two routes with the same match":
        "Two routes match exactly the same requests. The second would never be reached."
    NO_ADDRESS = "TL0117" Error "service without an address":
        "Nothing says where the service is. Give `external: \"host:port\"`, `endpoints`, or a `command` to run it (with `port` when it cannot take `PORT`)."
    NO_TOKEN = "TL0118" Error "management without a token":
        "The management surfaces can change and reveal everything. They listen on loopback only, unless `management.token` says \
         where the token is found that callers must send: `env:NAME` or `file:path`."
    PORT_BOTH = "TL0119" Error "two listeners on one address":
        "Two surfaces of Trunkline, or a surface and a service, want the same address."
    PLAIN_SECRET = "TL0120" Error "secret in the file":
        "Secrets are given by reference only, so that the file can be kept in version control: `env:NAME` or `file:path`."
    SELF_LOOP = "TL0121" Error "service that leads back to the gateway":
        "A service's address is a listener of this gateway. Requests would go round in a circle."

    NOT_SERVED = "TL0201" Warning "not served yet":
        "The key is part of the file format, but this version does not act on it. The message says what happens instead. \
         `check --strict` makes it an error."
    NOT_SERVED_SECURITY = "TL0202" Error "not served, and about security":
        "The key asks for authentication, TLS, access or a limit, and this version cannot give it. \
         Trunkline never fails open: going on without it would leave open what you meant to close. Take the key out, or have another system enforce it."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn a_code_is_found_in_any_case() {
        assert_eq!(find("tl0103"), Some(UNKNOWN_CALLEE));
        assert_eq!(find("TL9999"), None);
    }
}
