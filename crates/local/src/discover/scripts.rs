//! Scripts of package.json: what one starts, told by the programs that its line names.

use std::path::Path;

use serde_json::Value;

use crate::sources::reloads_by_itself;

/// Programs that are told their port by a flag, and know these flags.
const BY_FLAG: &[(&str, &str)] = &[
    ("vite", "--port $PORT --strictPort --host 127.0.0.1"),
    ("vite dev", "--port $PORT --strictPort --host 127.0.0.1"),
    ("vite serve", "--port $PORT --strictPort --host 127.0.0.1"),
    ("vite preview", "--port $PORT --strictPort --host 127.0.0.1"),
    ("astro dev", "--port $PORT --host 127.0.0.1"),
    ("ng serve", "--port $PORT --host 127.0.0.1"),
    ("remix vite:dev", "--port $PORT --host 127.0.0.1"),
    ("react-router dev", "--port $PORT --host 127.0.0.1"),
    ("webpack serve", "--port $PORT --host 127.0.0.1"),
    ("webpack-dev-server", "--port $PORT --host 127.0.0.1"),
    ("vue-cli-service serve", "--port $PORT --host 127.0.0.1"),
    ("gatsby develop", "--port $PORT --host 127.0.0.1"),
    ("rsbuild dev", "--port $PORT --host 127.0.0.1"),
    ("parcel", "--port $PORT --host 127.0.0.1"),
    ("parcel serve", "--port $PORT --host 127.0.0.1"),
    ("wrangler dev", "--port $PORT --ip 127.0.0.1"),
];

/// Programs that only compile, when they are asked to watch.
const COMPILERS: &[&str] = &[
    "tsc",
    "tsup",
    "rollup",
    "vite build",
    "esbuild",
    "swc",
    "babel",
    "unbuild",
    "microbundle",
    "ng-packagr",
    "tsc-watch",
    "tspc",
    "tsdown",
    "bunchee",
    "sass",
    "tailwindcss",
];

/// Programs that start the scripts of other packages.
const STARTERS: &[&str] = &[
    "turbo",
    "lerna",
    "nx run-many",
    "nx affected",
    "concurrently",
    "npm-run-all",
    "run-p",
    "trunkline",
    "docker compose",
    "docker-compose",
    "docker",
    "overmind",
    "foreman",
    "tilt",
    "skaffold",
    "wireit",
    "pnpm -r",
    "pnpm --recursive",
    "pnpm --parallel",
    "pnpm --filter",
    "pnpm -F",
    "yarn workspaces",
    "yarn workspace",
    "npm --prefix",
    "rush",
];

/// Words that stand before a program and change nothing of what it is.
const BEFORE: &[&str] = &["exec", "npx", "bunx", "env", "cross-env", "dotenv", "--", "time"];

/// A script.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Its name.
    pub(super) name: String,
    /// Its line.
    pub(super) line: String,
}

impl Script {
    /// Whether it starts other packages and nothing of its own.
    pub(super) fn starts_others(&self) -> bool {
        let all = commands(&self.line);
        all.iter().any(|words| is_any(words, STARTERS))
            || self.line.contains("--workspace")
            || self.line.contains(" -ws")
    }

    /// Whether it compiles on change and does nothing else.
    pub(super) fn compiles_only(&self) -> bool {
        let all = commands(&self.line);
        !all.is_empty() && all.iter().all(|words| is_any(words, COMPILERS))
    }

    /// Whether what it starts takes up changes by itself.
    pub(super) fn reloads(&self, directory: &Path) -> bool {
        let by_flag =
            |words: &Vec<String>| words.iter().any(|word| word == "--watch" || word == "--hot");
        reloads_by_itself(&self.line, directory) || commands(&self.line).iter().any(by_flag)
    }

    /// The flags that tell what it starts its port; empty if it is told by `PORT`.
    pub(super) fn port_flags(&self) -> &'static str {
        let all = commands(&self.line);
        // Flags go to the last program of the line.
        let Some(last) = all.last().filter(|words| !has_port_flag(words)) else {
            return "";
        };
        // `vite build` is not the server `vite`.
        let other_verb = |tool: &str| {
            let verb = last.get(tool.split(' ').count());
            verb.is_some_and(|verb| !verb.starts_with('-') && !verb.contains(['/', '.']))
        };
        let found = BY_FLAG.iter().find(|(tool, _)| is(last, tool) && !other_verb(tool));
        found.map_or("", |(_, flags)| flags)
    }

    /// The port that its line gives by a flag or a variable, if that is a number.
    pub(super) fn fixed_port(&self) -> Option<u16> {
        let words: Vec<&str> = self.line.split_whitespace().collect();
        words.iter().enumerate().find_map(|(at, word)| {
            let value = match *word {
                "--port" | "-p" => words.get(at + 1).copied()?,
                word => word.strip_prefix("--port=").or_else(|| word.strip_prefix("PORT="))?,
            };
            value.parse().ok().filter(|port| *port != 0)
        })
    }
}

/// Whether a script of the package starts a server of pages.
pub(super) fn has_page_tool(package: &Value) -> bool {
    let scripts = package.get("scripts").and_then(Value::as_object);
    let line = |name| scripts.and_then(|scripts| scripts.get(name)?.as_str());
    let pages = ["vite", "next", "nuxt", "astro", "ng", "parcel", "react-scripts", "gatsby"];
    ["dev", "start"]
        .iter()
        .filter_map(|name| line(*name))
        .any(|line| commands(line).iter().any(|words| is_any(words, &pages)))
}

/// The commands of a line, each as its words, without assignments and prefixes.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.replace("&&", ";").replace("||", ";").replace(['|', '&'], ";");
    let command = |part: &str| {
        let words = part.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let words = words.skip_while(|word| {
            BEFORE.contains(word) || (word.contains('=') && !word.starts_with('-'))
        });
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    line.split(';').map(command).filter(|words| !words.is_empty()).collect()
}

fn has_port_flag(words: &[String]) -> bool {
    words.iter().any(|word| matches!(word.as_str(), "--port" | "-p") || word.starts_with("--port="))
}

fn is_any(words: &[String], tools: &[&str]) -> bool {
    tools.iter().any(|tool| is(words, tool))
}

/// Whether a command is this tool: its first words, in order, with other flags between.
fn is(words: &[String], tool: &str) -> bool {
    let mut wanted = tool.split(' ');
    let first = words.first().map(|word| word.rsplit('/').next().unwrap_or(word));
    if first != wanted.next() {
        return false;
    }
    let mut rest = words.iter().skip(1);
    wanted.all(|part| rest.any(|word| word == part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(line: &str) -> Script {
        Script { name: "dev".into(), line: line.into() }
    }

    #[test]
    fn tools_that_reload_are_known_by_their_command() {
        for line in
            ["vite", "next dev", "tsx watch src/a.ts", "node --watch a.js", "NODE_ENV=x nodemon ."]
        {
            assert!(script(line).reloads(Path::new("/nowhere")), "{line}");
        }
        for line in ["tsc && exec node dist/server.js", "next start", "node server.js"] {
            assert!(!script(line).reloads(Path::new("/nowhere")), "{line}");
        }
    }

    #[test]
    fn a_flag_is_given_only_to_tools_that_have_it() {
        assert!(script("vite").port_flags().starts_with("--port $PORT"));
        assert!(script("tsc && vite dev").port_flags().starts_with("--port $PORT"));
        for line in ["vite build", "vite --port 4000", "next dev", "node vite.js", "vite; echo x"] {
            assert_eq!(script(line).port_flags(), "", "{line}");
        }
    }

    #[test]
    fn a_written_port_is_taken() {
        assert_eq!(script("next dev -p 3001").fixed_port(), Some(3001));
        assert_eq!(script("PORT=4000 node a.js").fixed_port(), Some(4000));
        assert_eq!(script("vite --port=5000").fixed_port(), Some(5000));
        assert_eq!(script("vite --port $PORT").fixed_port(), None);
        assert_eq!(script("vite --port 99999").fixed_port(), None);
    }

    #[test]
    fn scripts_of_libraries_and_of_workspaces_are_not_services() {
        assert!(script("tsc --watch").compiles_only());
        assert!(script("tsup src/index.ts --watch").compiles_only());
        assert!(!script("tsc && node dist/a.js").compiles_only());
        assert!(script("turbo dev").starts_others());
        assert!(script("concurrently \"npm:dev:*\"").starts_others());
        assert!(script("npm run dev --workspace apps/web").starts_others());
        assert!(!script("next dev").starts_others());
    }
}
