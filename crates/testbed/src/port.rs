//! Free ports.

use crate::error::{Doing, TestbedError};
use std::net::{Ipv4Addr, TcpListener};

/// `count` ports of 127.0.0.1 that nobody listens on now. Somebody may take one before the server binds it, so whoever
/// starts a server tries again with another port when it ends at once.
pub(crate) fn free(count: usize) -> Result<Vec<u16>, TestbedError> {
    let find = || -> std::io::Result<Vec<u16>> {
        // All stay open until the last is found, so that they differ.
        let open: Vec<_> =
            (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
        open.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
    };
    find().doing(|| "looking for a free port of 127.0.0.1".into())
}
