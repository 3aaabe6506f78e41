//! Whom to ask, as the system says: `resolv.conf(5)` and `hosts(5)`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Name servers that are asked (`MAXNS` of the C library).
pub const SERVERS_MAX: usize = 3;

/// Suffixes that are tried.
const SEARCH_MAX: usize = 6;

/// Port of DNS.
const PORT: u16 = 53;

/// Whom to ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The servers, in the order they are asked.
    pub servers: Vec<SocketAddr>,
    /// Suffixes for names with few dots.
    pub search: Vec<String>,
    /// A name with so many dots is asked for as it is first.
    pub dots: usize,
    /// How long one server may take to answer.
    pub patience: Duration,
    /// How often each server is asked.
    pub attempts: u32,
}

impl Settings {
    /// These servers, and nothing else.
    pub fn of(servers: Vec<SocketAddr>) -> Self {
        let patience = Duration::from_secs(1);
        Self { servers, search: Vec::new(), dots: 1, patience, attempts: 2 }
    }

    /// What the text of a `resolv.conf` says; what it does not say, or says wrongly, is as usual.
    pub fn parse(text: &str) -> Self {
        let mut settings = Self::of(Vec::new());
        for line in text.lines() {
            let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
            match words.next() {
                Some("nameserver") if settings.servers.len() < SERVERS_MAX => {
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    settings.servers.extend(address.map(|ip| SocketAddr::new(ip, PORT)));
                }
                Some("search" | "domain") => {
                    settings.search = words.take(SEARCH_MAX).map(str::to_owned).collect();
                }
                Some("options") => words.for_each(|word| settings.option(word)),
                _ => {}
            }
        }
        settings
    }

    fn option(&mut self, word: &str) {
        let Some((name, value)) = word.split_once(':') else { return };
        let Ok(number) = value.parse::<u32>() else { return };
        match name {
            "ndots" => self.dots = usize::try_from(number.min(15)).unwrap_or(1),
            "timeout" => self.patience = Duration::from_secs(number.clamp(1, 30).into()),
            "attempts" => self.attempts = number.clamp(1, 5),
            _ => {}
        }
    }

    /// The names that are asked for in turn when a person writes this one.
    pub fn names(&self, name: &str) -> Vec<String> {
        let plain = name.trim_end_matches('.').to_owned();
        if name.ends_with('.') {
            return vec![plain];
        }
        let suffixed =
            self.search.iter().map(|suffix| format!("{plain}.{}", suffix.trim_matches('.')));
        if plain.matches('.').count() >= self.dots {
            std::iter::once(plain.clone()).chain(suffixed).collect()
        } else {
            suffixed.chain(std::iter::once(plain.clone())).collect()
        }
    }
}

/// The addresses that the text of a `hosts` file gives to a name.
pub fn hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse::<IpAddr>().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name.trim_end_matches('.'))).then_some(address)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_the_system_reads_it() {
        let text = "# made by hand\nnameserver 10.0.0.53\nnameserver ::1 ; local\nnameserver x\n\
                    search shop.test cluster.test\noptions ndots:2 timeout:5 rotate attempts:9\n";
        let settings = Settings::parse(text);
        assert_eq!(
            settings.servers,
            ["10.0.0.53:53".parse().unwrap(), "[::1]:53".parse().unwrap()]
        );
        assert_eq!((settings.dots, settings.attempts), (2, 5));
        assert_eq!(settings.patience, Duration::from_secs(5));
        assert_eq!(settings.names("db."), ["db"]);
        assert_eq!(settings.names("db"), ["db.shop.test", "db.cluster.test", "db"]);
        assert_eq!(settings.names("a.b.c")[0], "a.b.c");
    }

    #[test]
    fn a_hosts_file_gives_names_addresses() {
        let text = "127.0.0.1 localhost\n10.0.0.7 db DB.test # primary\nnonsense db\n::7 db\n";
        assert_eq!(
            hosts(text, "db"),
            ["10.0.0.7".parse::<IpAddr>().unwrap(), "::7".parse().unwrap()]
        );
        assert!(hosts(text, "primary").is_empty());
    }
}
