//! What lies in a vendor's folders and stays out of a bundle, by its path.

/// Whether a path is a repository's own, or a submodule's link to it.
pub(super) fn is_git(path: &str) -> bool {
    path.split('/').any(|part| part == ".git")
}

/// Whether a part of a module stays out, by its path in the module: tests, and at the top what is hidden, which is its
/// repository's. No machine converges from them. Below the top a hidden file is content like any other: `files/.htaccess`.
pub(super) fn stays_out(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or_default();
    let tests = matches!(top, "spec" | "test" | "tests" | "examples" | "Rakefile" | "Gemfile");
    tests || top.starts_with('.') || is_git(path)
}
