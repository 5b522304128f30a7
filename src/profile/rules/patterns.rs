//! The rules for editors, as regular expressions of ECMA 262 (JSON Schema draft 7, 6.3.3). A
//! pattern accepts everything that its rule accepts. What a pattern cannot see (that a network's
//! own address belongs to no machine, that a key is complete), only `slipway check` refuses. A test
//! runs every value in our tests against both.

use super::Rule;

/// Names for the pieces that several patterns share, the composed ones first.
const PIECES: [(&str, &str); 13] = [
    ("<authority>", r"(<domain>|<v4>|\[[0-9A-Fa-f:.]+\])(:0*<port>)?"),
    ("<own>", r"\{(address|hostname)\}"),
    ("<page>", r"!#%&()*+,./0-9:;=?@A-Z\[\]_a-z~-"),
    ("<folders>", "<folder>(/<folder>)*/?"),
    ("<folder>", r"(?!\.{1,2}(/|$))[A-Za-z0-9._+~-]+"),
    ("<files>", "<file>(/<file>)*"),
    ("<file>", r"(?!\.{1,2}(/|$))[A-Za-z0-9._@+-]+"),
    ("<domain>", r"(?!([^/:]*\.)?[0-9]+([/:?#]|$))<label>(\.<label>)*"),
    ("<label>", "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    ("<v4>", r"(<octet>\.){3}<octet>"),
    ("<octet>", "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"),
    (
        "<port>",
        "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})",
    ),
    // characters below U+10000 that are invisible, change the direction of text, or end a line
    (
        "<invisible>",
        r"\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff0-\uffff",
    ),
];

/// The pattern of a rule; none for a time zone, which is one of a list.
pub(super) fn pattern(rule: Rule) -> Option<String> {
    let pattern = match rule {
        Rule::TimeZone => return None,
        Rule::Banner => {
            r#"^(?![\s\S]*%\{)([^<invisible>"'\\`$]{0,79}\n){0,9}[^<invisible>"'\\`$]{0,79}\n?$"#
        }
        Rule::Base => "^(?=.{1,40}$)[a-z0-9]+([.-][a-z0-9]+)*$",
        Rule::BundleVersion => {
            r"^(0|[1-9][0-9]{0,9})(\.(0|[1-9][0-9]{0,9})){2}\+b(0|[1-9][0-9]{0,9})$"
        }
        Rule::Channel | Rule::CustomerId | Rule::Parent | Rule::Site => {
            "^(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*$"
        }
        Rule::Amount | Rule::DiskSize | Rule::MemorySize => "^0*[0-9]{1,8} ?(MiB|GiB|TiB)$",
        Rule::FileMode => "^0?[0-7]{3}$",
        Rule::FileText => r"^[^\u0000]*$",
        Rule::FoundPath => r"^(?=.{1,1000}$)(esp:)?/[^<invisible>]*$",
        Rule::HostName => r"^(?=.{1,64}$)(?!localhost(\.|$))<domain>$",
        Rule::HttpPath => r"^(?=.{1,500}$)(?!.*[/?]\.{1,2}([/?]|$))/[A-Za-z0-9/._~+%?&=,:@-]*$",
        Rule::ImagePath => "^(?=.{2,})/<files>$",
        Rule::InterfaceAddress => {
            "^(<v4>/0{0,2}([1-9]|[12][0-9]|3[0-2])|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*/0{0,2}([1-9][0-9]?|1[01][0-9]|12[0-8]))$"
        }
        Rule::IpAddress => "^(<v4>|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$",
        Rule::Line => r"^(?=.*\S)[^<invisible>]{1,1000}$",
        Rule::Name => r#"^(?!\s)(?!.*\s$)(?!.*%\{)[^<invisible>"'\\`$]{1,80}$"#,
        Rule::Notes => r"^([^<invisible>]|\n){0,1000}$",
        Rule::OpenAddress => {
            r"^(?=.{1,500}$)https?://(<authority>|([a-z0-9-]+\.)*<own>(\.[a-z0-9-]+)*(:0*<port>)?)([/?#]([<page>]|<own>)*)?$"
        }
        Rule::WebAddress => r"^(?=.{1,500}$)https?://<authority>([/?#][<page>]*)?$",
        // Debian Policy 5.6.1, and one more limit: apt reads a hyphen at the end as "remove this
        // package"
        Rule::Package => "^(?=.{2,100}$)[a-z0-9][a-z0-9+.-]*[a-z0-9+]$",
        Rule::Proxy => "^https?://<authority>/?$",
        Rule::SourcePath => "^<files>$",
        Rule::SshPublicKey => {
            "^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\\.com|\
             sk-ecdsa-sha2-nistp256@openssh\\.com) ([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}==|\
             [A-Za-z0-9+/]{3}=)?( [A-Za-z0-9 @._+:,()/-]*)?$"
        }
        Rule::Store => {
            "^(?=.{1,500}$)(https://<authority>(/(/|<folders>)?)?|azure://<folder>/<folders>|(s3|gs)://<folders>|file:///(/|<folders>)?|file:<folders>)$"
        }
        Rule::TimeServer => "^(<domain>|<v4>|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$",
        Rule::Unit => {
            r"^(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9:_.@-]*\.(service|socket|timer|target|path|mount)$"
        }
    };
    let spell = |text: String, (name, piece): &(&str, &str)| text.replace(name, piece);
    Some(PIECES.iter().fold(pattern.to_owned(), spell))
}
