//! Names to addresses, with the forbidden ones taken out before anything connects. The connection goes to the very
//! addresses that were looked at, so a name that changes its mind in between gains nothing.

use std::fmt;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::address::is_public;

/// A name of which every address is forbidden.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its address is not of the public internet")]
pub(super) struct Forbidden;

/// Resolves as the system does, then looks at each address.
pub(super) struct Guarded {
    pub(super) allow_private: bool,
    pub(super) system: DefaultResolver,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        if self.allow_private {
            return Ok(found);
        }
        let mut public = self.empty();
        for address in found.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() { Err(Error::Other(Box::new(Forbidden))) } else { Ok(public) }
    }
}
