//! A certificate authority that nobody else trusts, and a certificate of it for 127.0.0.1.

use crate::error::{Doing, TestbedError};
use crate::program;
use std::path::{Path, PathBuf};
use std::process::Command;

const SETTINGS: &str = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = localhost\n\
    [authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
    [server]\nbasicConstraints = CA:FALSE\nsubjectAltName = IP:127.0.0.1, DNS:localhost\n";
const KEY: [&str; 6] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];

/// Files in PEM format.
pub(super) struct Certificates {
    pub(super) authority: PathBuf,
    pub(super) server: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificates {
    /// Makes them in `folder`, where only their own user reads the keys.
    pub(super) fn make(folder: &Path) -> Result<Self, TestbedError> {
        let file = |name: &str| folder.join(name);
        let settings = file("openssl.cnf");
        std::fs::write(&settings, SETTINGS).doing(|| format!("writing {}", settings.display()))?;
        let openssl = program::find("openssl", &[], "openssl")?;
        let request = |section: &str, name: &str, key: &Path| {
            let mut command = Command::new(&openssl);
            command.arg("req").arg("-config").arg(&settings).args([
                "-x509",
                "-days",
                "2",
                "-extensions",
                section,
            ]);
            command.args(["-subj", &format!("/CN=testbed {section}")]).args(KEY).arg(key);
            command.arg("-out").arg(file(name));
            command
        };
        let made = Self { authority: file("ca.pem"), server: file("cert.pem"), key: file("key.pem") };
        let authority_key = file("ca.key");
        run(request("authority", "ca.pem", &authority_key))?;
        let mut server = request("server", "cert.pem", &made.key);
        server.arg("-CA").arg(&made.authority).arg("-CAkey").arg(&authority_key);
        run(server)?;
        Ok(made)
    }
}

fn run(mut command: Command) -> Result<(), TestbedError> {
    let output = command.output().doing(|| "running openssl".into())?;
    if output.status.success() {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(TestbedError::Refused { server: "openssl", request: "a certificate".into(), answer })
}
