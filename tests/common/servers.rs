//! Real servers, started once for all tests: Azurite, moto and s3s-fs, which scripts/test-servers
//! installs.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use slipway::blob::{Patience, Settings};

/// A server. It ends with this process, however that ends.
struct Server {
    url: String,
    /// The shell that watches its stdin.
    _shell: Child,
}

fn installed(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-servers").join(path);
    assert!(path.exists(), "{}: run scripts/test-servers", path.display());
    path
}

/// Runs a server until our end of its stdin is closed, which the kernel does when this process
/// ends.
fn start_server(program: &Path, arguments: &[&str], port: u16) -> Server {
    let script = r#""$@" & read -r never; kill $!"#;
    let shell = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{program:?} does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Server { url: format!("http://127.0.0.1:{port}"), _shell: shell }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Azure Blob Storage, as its emulator implements it.
pub fn azurite() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let (script, port) = (installed("node_modules/azurite/dist/src/blob/main.js"), free_port());
        let number = port.to_string();
        let arguments = [script.to_str().unwrap(), "--blobPort", &number];
        let fixed = ["--blobHost", "127.0.0.1", "--disableTelemetry", "--skipApiVersionCheck"];
        let quiet = ["--silent", "--inMemoryPersistence"];
        start_server(Path::new("node"), &[&arguments[..], &fixed, &quiet].concat(), port)
    };
    &SERVER.get_or_init(start).url
}

/// S3, as moto implements it: conditional writes work, and any key is accepted.
pub fn moto() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let port = free_port();
        let arguments = ["-H", "127.0.0.1", "-p", &port.to_string()];
        start_server(&installed("venv/bin/moto_server"), &arguments, port)
    };
    &SERVER.get_or_init(start).url
}

/// The only key that [`strict_s3`] knows: its id and its secret.
pub const STRICT_KEY: (&str, &str) = ("id-that-is-known", "s3cr3t-that-is-known");

/// S3, as s3s-fs implements it: a wrong key is refused. It has one bucket, "strict".
pub fn strict_s3() -> &'static str {
    static SERVER: OnceLock<(Server, tempfile::TempDir)> = OnceLock::new();
    let start = || {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        std::fs::create_dir(folder.path().join("strict")).unwrap();
        let number = port.to_string();
        let (id, secret) = STRICT_KEY;
        let listen = ["--host", "127.0.0.1", "--port", &number];
        let keys = ["--access-key", id, "--secret-key", secret];
        let arguments = [&listen[..], &keys, &[folder.path().to_str().unwrap()]].concat();
        (start_server(&installed("bin/s3s-fs"), &arguments, port), folder)
    };
    &SERVER.get_or_init(start).0.url
}

/// Runs Microsoft's own client; returns its output.
pub fn azure_client(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/azure.cjs"))
        .arg(azurite())
        .args(arguments)
        .env("NODE_PATH", installed("node_modules"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "azure.cjs {arguments:?}: {said}");
    output.stdout
}

/// Creates a bucket.
pub fn bucket(name: &str) {
    let url = format!("{}/{name}", moto());
    let status = Command::new("curl").args(["-sfX", "PUT", &url]).output().unwrap().status;
    assert!(status.success(), "{url}");
}

/// Settings with these variables, and little patience.
pub fn settings(variables: &[(&str, &str)]) -> Settings {
    let patience = Patience {
        first_wait: Duration::from_millis(20),
        longest_wait: Duration::from_millis(200),
        ..Patience::default()
    };
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings { variables, patience, ..Settings::default() }
}

/// Settings that reach Azurite.
pub fn azure_settings() -> Settings {
    settings(&[("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURITE_BLOB_STORAGE_URL", azurite())])
}

/// Settings that reach moto.
pub fn s3_settings() -> Settings {
    settings(&[
        ("AWS_ENDPOINT_URL", moto()),
        ("AWS_ACCESS_KEY_ID", "id-of-test"),
        ("AWS_SECRET_ACCESS_KEY", "key-of-test"),
    ])
}

/// A file with these bytes.
pub fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}
