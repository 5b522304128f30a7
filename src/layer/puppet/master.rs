//! The layer that is made once for each base: the server's packages, and its code compiled ahead of
//! time.

use super::files::{COMMON, COMPILE, COMPILE_CODE};
use super::{MasterMode, variables};
use crate::base::LayerSpec;
use crate::error::{Error, Kind, Result};
use crate::template::{Language, render};

/// Installs `server` (the base's names for the packages of Puppet Server) and compiles its Clojure
/// to /usr/lib/slipway/master/server.jar, beside a list of its inputs. The script needs /proc in
/// the root (Java finds its own libraries through it), 12 s of CPU and 900 MB of memory.
///
/// # Errors
/// When the base has no Puppet Server.
pub fn master_layer(server: &[String]) -> Result<LayerSpec> {
    if server.is_empty() {
        return Err(Error::new(Kind::Input, "the base names no package of Puppet Server")
            .remedy("set master.mode = \"apply\", or choose a base that has one"));
    }
    let common =
        render(Language::Plain, COMMON.path, COMMON.text, &variables(MasterMode::Puppetserver))?;
    let as_it_is = |text: &str| text.as_bytes().to_vec();
    Ok(LayerSpec {
        name: "puppet-master".to_owned(),
        packages: server.to_vec(),
        files: vec![
            (COMMON.path.to_owned(), COMMON.mode, common.into_bytes()),
            (COMPILE_CODE.path.to_owned(), COMPILE_CODE.mode, as_it_is(COMPILE_CODE.text)),
            (COMPILE.path.to_owned(), COMPILE.mode, as_it_is(COMPILE.text)),
        ],
        script: Some(COMPILE.path.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_without_a_server_has_no_master_layer() {
        assert!(master_layer(&[]).is_err());
    }

    #[test]
    fn the_layer_brings_what_its_script_reads() {
        let layer = master_layer(&["puppetserver".to_owned()]).unwrap();
        let script = layer.script.unwrap();
        assert!(layer.files.iter().any(|(path, mode, _)| *path == script && *mode == 0o755));
        let text = String::from_utf8(layer.files[2].2.clone()).unwrap();
        for (path, _, _) in &layer.files[..2] {
            assert!(text.contains(path), "{path}");
        }
    }
}
