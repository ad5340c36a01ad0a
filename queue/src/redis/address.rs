//! Where the server is: named itself, or behind Sentinels that know which one is the primary.

use crate::StoreError;
use redis::{ConnectionInfo, IntoConnectionInfo, io::tcp::TcpSettings};

/// The port of a Sentinel that names none.
const SENTINEL_PORT: &str = ":26379";

/// What a URL leads to.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// One server, or some nodes of a cluster.
    Nodes(Vec<ConnectionInfo>),
    Watched(Box<Watched>),
}

/// A primary that Sentinels name.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) sentinels: Vec<ConnectionInfo>,
    /// What the Sentinels call it.
    pub(super) name: String,
    /// How to speak to the primary; its host is that of the first Sentinel and means nothing.
    pub(super) primary: ConnectionInfo,
}

impl Address {
    /// Reads `redis://…` and `rediss://…`, several separated by commas, or
    /// `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]` and the same with `rediss`. User, password,
    /// database and TLS are those of the primary; TLS is also that of the Sentinels, who are asked without a password.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        match url.trim().split_once("+sentinel://") {
            Some((scheme, rest)) => Ok(Self::Watched(Box::new(watched(scheme, rest)?))),
            None => url.split(',').map(|node| info(node.trim())).collect::<Result<_, _>>().map(Self::Nodes),
        }
    }

    /// For messages, without credentials.
    pub(super) fn location(&self) -> String {
        let hosts = |nodes: &[ConnectionInfo]| {
            nodes.iter().map(|node| node.addr().to_string()).collect::<Vec<_>>().join(",")
        };
        match self {
            Self::Nodes(nodes) => hosts(nodes),
            Self::Watched(watched) => {
                format!("{} as Sentinel {} knows it", watched.name, hosts(&watched.sentinels))
            }
        }
    }
}

fn watched(scheme: &str, rest: &str) -> Result<Watched, StoreError> {
    let wrong =
        || invalid("a URL of Sentinels is redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST…]/NAME[/DB]");
    let (hosts, path) = rest.split_once('/').ok_or_else(wrong)?;
    let (secret, hosts) = hosts.rsplit_once('@').map_or(("", hosts), |(secret, hosts)| (secret, hosts));
    let (name, database) = path.split_once('/').unwrap_or((path, ""));
    if name.is_empty() || hosts.split(',').any(str::is_empty) {
        return Err(wrong());
    }
    let hosts: Vec<String> = hosts.split(',').map(with_port).collect();
    let sentinels = hosts.iter().map(|host| info(&format!("{scheme}://{host}"))).collect::<Result<_, _>>()?;
    let secret = if secret.is_empty() { String::new() } else { format!("{secret}@") };
    let primary = info(&format!("{scheme}://{secret}{}/{database}", hosts[0]))?;
    Ok(Watched { sentinels, name: name.to_owned(), primary })
}

/// `[…]` holds the colons of an IPv6 address.
fn with_port(host: &str) -> String {
    let bare = host.rsplit_once(']').map_or(host, |(_, after)| after);
    if bare.contains(':') { host.to_owned() } else { format!("{host}{SENTINEL_PORT}") }
}

fn info(url: &str) -> Result<ConnectionInfo, StoreError> {
    let info = url.into_connection_info().map_err(|error| invalid(&error.to_string()))?;
    Ok(info.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

fn invalid(why: &str) -> StoreError {
    StoreError::Invalid(format!("queue url: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(url: &str) -> Watched {
        match Address::parse(url).unwrap() {
            Address::Watched(watched) => *watched,
            nodes @ Address::Nodes(_) => panic!("{nodes:?}"),
        }
    }

    #[test]
    fn commas_separate_the_nodes_of_a_cluster() {
        let address = Address::parse("redis://a:1, redis://:secret@b:2").unwrap();
        assert_eq!(address.location(), "a:1,b:2");
    }

    #[test]
    fn sentinels_name_the_primary_whose_secrets_they_do_not_get() {
        let found = watched("redis+sentinel://me:s%40cret@a,b:5,[::1]/main/3");
        let hosts: Vec<_> = found.sentinels.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(hosts, ["a:26379", "b:5", "::1:26379"]);
        assert!(found.sentinels.iter().all(|node| node.redis_settings().password().is_none()));
        let settings = found.primary.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("me"), Some("s@cret")));
        assert_eq!((found.name.as_str(), settings.db()), ("main", 3));
    }

    #[test]
    fn what_lacks_a_name_or_a_host_says_how_it_is_written() {
        for url in [
            "redis+sentinel://a:1",
            "redis+sentinel://a:1/",
            "redis+sentinel:///main",
            "http+sentinel://a/main",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(matches!(error, StoreError::Invalid(_)), "{url}: {error}");
        }
    }

    #[test]
    fn the_location_has_no_secrets() {
        let location = Address::parse("rediss+sentinel://:secret@a/main").unwrap().location();
        assert_eq!(location, "main as Sentinel a:26379 knows it");
    }
}
