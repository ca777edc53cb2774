//! The owner of a control group, by its path: systemd, Docker, podman and LXC each have their own names. Pure.
//!
//! A group that has an owner stands for all groups below it, whose use the kernel counts in it.

use std::path::Path;

/// The digits of a container's id.
const ID_DIGITS: usize = 64;

/// The words of engines before a container's id where systemd manages its groups. Not `libpod-conmon-`: that is podman's
/// monitor beside the container.
const SCOPES: [&str; 5] = ["docker-", "libpod-", "cri-containerd-", "crio-", "nerdctl-"];

/// The owner of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A container, by the id that its engine gave it.
    Container(String),
    /// A container, by its name: LXC.
    Named(String),
    /// Everything of a user: `user-1000`.
    User(String),
    /// A unit of systemd: `nginx.service`.
    Unit(String),
    /// Another group without groups below it, by its path.
    Other(String),
}

impl Owner {
    /// The owner of the group at `path`, below the root of its tree; `None`: the groups below it have owners.
    pub fn of(path: &Path) -> Option<Owner> {
        let name = path.file_name()?.to_string_lossy();
        let below = path.parent().and_then(Path::file_name);
        if let Some(id) = container_id(&name) {
            return Some(Owner::Container(id.to_owned()));
        }
        if let Some(name) = name.strip_prefix("lxc.payload.") {
            return Some(Owner::Named(name.to_owned()));
        }
        if below.is_some_and(|below| below == "lxc") {
            return Some(Owner::Named(name.into_owned()));
        }
        if let Some(user) = name.strip_suffix(".slice") {
            return user.strip_prefix("user-").is_some_and(is_number).then(|| Owner::User(user.to_owned()));
        }
        let is_unit = [".service", ".scope", ".socket", ".mount", ".swap"].iter().any(|kind| name.ends_with(kind));
        is_unit.then(|| Owner::Unit(name.into_owned()))
    }

    /// That of a group without groups below it.
    pub fn of_leaf(path: &Path) -> Owner {
        Owner::of(path).unwrap_or_else(|| Owner::Other(path.to_string_lossy().into_owned()))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The id in `docker-ID.scope`, or in `ID` where the engine manages its groups itself.
fn container_id(name: &str) -> Option<&str> {
    let is_id =
        |text: &str| text.len() == ID_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let id = match name.strip_suffix(".scope") {
        Some(scope) => SCOPES.iter().find_map(|prefix| scope.strip_prefix(prefix))?,
        None => name,
    };
    is_id(id).then_some(id)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn owner(path: &str) -> Option<Owner> {
        Owner::of(Path::new(path))
    }

    #[test]
    fn a_container_is_known_by_its_id_wherever_its_engine_puts_it() {
        let container = Some(Owner::Container(ID.to_owned()));
        for path in [
            "system.slice/docker-ID.scope",
            "docker/ID",
            "web.slice/docker-ID.scope",
            "machine.slice/libpod-ID.scope",
            "kubepods.slice/kubepods-podx.slice/cri-containerd-ID.scope",
        ] {
            assert_eq!(owner(&path.replace("ID", ID)), container, "{path}");
        }
        let monitor = format!("libpod-conmon-{ID}.scope");
        assert_eq!(owner(&monitor), Some(Owner::Unit(monitor.clone())));
        assert_eq!(owner("docker/buildkit"), None);
        assert_eq!(owner(&format!("docker/{}", &ID[1..])), None);
    }

    #[test]
    fn units_users_and_lxcs_containers_have_names() {
        assert_eq!(owner("system.slice/nginx.service"), Some(Owner::Unit("nginx.service".to_owned())));
        assert_eq!(
            owner("system.slice/system-getty.slice/getty@tty1.service"),
            Some(Owner::Unit("getty@tty1.service".to_owned()))
        );
        assert_eq!(owner("init.scope"), Some(Owner::Unit("init.scope".to_owned())));
        assert_eq!(owner("user.slice/user-1000.slice"), Some(Owner::User("user-1000".to_owned())));
        assert_eq!(owner("lxc.payload.web"), Some(Owner::Named("web".to_owned())));
        assert_eq!(owner("lxc/web"), Some(Owner::Named("web".to_owned())));
        for path in ["system.slice", "user.slice", "docker", "", "kubepods/burstable", "user-.slice"] {
            assert_eq!(owner(path), None, "{path}");
        }
        assert_eq!(Owner::of_leaf(Path::new("mygroup/a")), Owner::Other("mygroup/a".to_owned()));
    }

    proptest! {
        #[test]
        fn arbitrary_names_never_panic(name in prop::collection::vec(any::<u8>(), 0..100)) {
            let path = Path::new(OsStr::from_bytes(&name));
            let _ = (Owner::of(path), Owner::of_leaf(path));
        }
    }
}
