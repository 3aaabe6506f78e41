//! Which checkout of a project a folder is: the main one, or a linked git worktree.
//!
//! Several checkouts of one project may run at once; each further one is told apart by a DNS label
//! made of its branch, put in front of the project's name. Git is not run: the few files that say
//! it are stable parts of its format (gitrepository-layout(5), "worktrees").

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest label: with a service's name in front it leaves room for the project's name.
const LABEL_BYTES_MAX: usize = 30;

/// Hexadecimal digits that tell labels apart that had to be cut.
const DIGEST_DIGITS: usize = 6;

/// More than any of git's small files holds.
const FILE_BYTES_MAX: u64 = 8_192;

/// The label of the linked worktree that holds `directory`; `None` in a main checkout, and where
/// there is no git. A worktree without a branch is called as git calls it: by its folder.
pub fn label(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let (root, marker) = directory.ancestors().find_map(|folder| {
        let marker = folder.join(".git");
        marker.symlink_metadata().is_ok().then_some((folder, marker))
    })?;
    let written = read(&marker)?;
    let private: PathBuf = root.join(written.strip_prefix("gitdir:")?.trim());
    // A submodule has such a file as well, but a repository of its own.
    private.join("commondir").is_file().then_some(())?;
    let head = read(&private.join("HEAD")).unwrap_or_default();
    let branch = head.trim().strip_prefix("ref: refs/heads/");
    let folder = || private.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = branch.map(str::to_owned).or_else(folder)?;
    Some(dns_label(&name))
}

/// A DNS label (RFC 1035 §2.3.1) that reads like `name`.
fn dns_label(name: &str) -> String {
    let mut label = String::new();
    for character in name.chars() {
        let next = character.to_ascii_lowercase();
        if next.is_ascii_alphanumeric() {
            label.push(next);
        } else if !label.ends_with('-') && !label.is_empty() {
            label.push('-');
        }
    }
    let label = label.trim_end_matches('-');
    if label.is_empty() {
        return format!("copy-{}", digest(name));
    }
    if label.len() <= LABEL_BYTES_MAX {
        return label.to_owned();
    }
    let kept = label.get(..LABEL_BYTES_MAX - DIGEST_DIGITS - 1).unwrap_or_default();
    format!("{}-{}", kept.trim_end_matches('-'), digest(name))
}

/// FNV-1a: the same in every version of the binary, so that URLs stay.
fn digest(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}").split_off(16 - DIGEST_DIGITS)
}

/// A small text file.
fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn labels_are_dns_labels_and_tell_long_branches_apart() {
        let check = |name: &str, expected: &str| assert_eq!(dns_label(name), expected);
        check("main", "main");
        check("Feature/CART_2", "feature-cart-2");
        check("--x//", "x");
        let long = |end: &str| dns_label(&format!("feature/a-very-long-name-of-a-branch-{end}"));
        assert_ne!(long("one"), long("two"));
        for name in ["ünïcode", "///", "a/b.c", &"x".repeat(300)] {
            let label = dns_label(name);
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            assert!((1..=LABEL_BYTES_MAX).contains(&label.len()), "{label}");
            assert!(label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-'));
        }
    }

    #[test]
    fn only_a_linked_worktree_has_a_label() {
        let folder = tempfile::tempdir().unwrap();
        let (main, linked) = (folder.path().join("main"), folder.path().join("linked"));
        write(&main.join(".git/HEAD"), "ref: refs/heads/main\n");
        let private = main.join(".git/worktrees/linked");
        write(&private.join("HEAD"), "ref: refs/heads/feature/cart\n");
        write(&private.join("commondir"), "../..\n");
        write(&linked.join(".git"), &format!("gitdir: {}\n", private.display()));
        fs::create_dir_all(linked.join("apps/web")).unwrap();
        assert_eq!(label(&main), None);
        assert_eq!(label(&linked.join("apps/web")).as_deref(), Some("feature-cart"));
        write(&private.join("HEAD"), "0123456789abcdef\n");
        assert_eq!(label(&linked).as_deref(), Some("linked"), "a detached head");

        write(&main.join(".git/modules/part/HEAD"), "ref: refs/heads/x\n");
        write(&main.join("part/.git"), "gitdir: ../.git/modules/part\n");
        assert_eq!(label(&main.join("part")), None, "a submodule is no copy");
    }
}
