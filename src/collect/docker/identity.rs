//! The identity of a container that is made anew: the name that stays, and its service.
//!
//! Its maker's labels decide. compose puts `<12 hex digits>_` before the name of one of two containers while it
//! replaces the old one by the new one; if that is interrupted the name stays so. compose 1.23 put `_<12 hex digits>`
//! behind each name. A swarm's task is named `SERVICE.SLOT.TASK`, and the next task of the slot has the slot's name
//! again.

use std::borrow::Cow;

use crate::docker::Labels;

/// The identity that a container's name and labels give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Its name, without the part that belongs to this one container alone.
    pub stable: Cow<'a, str>,
    /// Its name is compose's for a container that is about to be replaced, or to replace one.
    pub is_temporary: bool,
    /// `shop/web` of compose, `web` of a swarm. If another container of it runs, this one is not missed.
    pub service: Option<String>,
}

impl<'a> Identity<'a> {
    pub fn of(name: &'a str, labels: &Labels) -> Identity<'a> {
        if !labels.swarm_service.is_empty() {
            let stable = Cow::Owned(slot(name, labels));
            return Identity { stable, is_temporary: false, service: Some(labels.swarm_service.clone()) };
        }
        if labels.compose_project.is_empty() {
            return Identity { stable: name.into(), is_temporary: false, service: None };
        }
        let own = without_short_id(name);
        let service =
            labels.is_of_compose_service().then(|| format!("{}/{}", labels.compose_project, labels.compose_service));
        let stable = given_by_compose(own, labels).map_or(own, |given| given.name);
        Identity { stable: stable.into(), is_temporary: own.len() < name.len(), service }
    }
}

/// The labels that make a container one of a service, as [`Identity::service`] has it.
pub fn labels_of(service: &str) -> Labels {
    match service.split_once('/') {
        Some((project, service)) => {
            Labels { compose_project: project.to_owned(), compose_service: service.to_owned(), ..Labels::default() }
        }
        None => Labels { swarm_service: service.to_owned(), ..Labels::default() },
    }
}

/// The names of the service that a container stands for, and the spellings of the name that compose gave it:
/// `PROJECT-SERVICE-NUMBER` since version 2, with underscores before.
pub fn service_names(stable: &str, labels: &Labels) -> Vec<String> {
    if !labels.swarm_service.is_empty() {
        return vec![labels.swarm_service.clone()];
    }
    let Some(given) = given_by_compose(stable, labels).filter(|_| labels.is_of_compose_service()) else {
        return Vec::new();
    };
    let Labels { compose_project: project, compose_service: service, .. } = labels;
    let spelled = |by| format!("{project}{by}{service}{by}{}", given.number);
    vec![service.clone(), spelled('-'), spelled('_')]
}

/// `web.1` of `web.1.q9w8e7r6t5y4u3i2o1p0a9s8d`. Of a global service, which has a task on each node and no slots, `web`.
fn slot(name: &str, labels: &Labels) -> String {
    let service = labels.swarm_service.as_str();
    let slot_of = |task: &str| task.strip_prefix(service)?.strip_prefix('.')?.split('.').next().map(str::to_owned);
    match slot_of(name).or_else(|| slot_of(&labels.swarm_task)) {
        Some(slot) if !slot.is_empty() && slot.bytes().all(|byte| byte.is_ascii_digit()) => format!("{service}.{slot}"),
        _ => service.to_owned(),
    }
}

fn without_short_id(name: &str) -> &str {
    match name.split_once('_') {
        Some((id, rest)) if is_short_id(id) && !rest.is_empty() => rest,
        _ => name,
    }
}

fn is_short_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A name that compose made.
struct ComposeName<'a> {
    /// Without the suffix of version 1.23.
    name: &'a str,
    number: &'a str,
}

/// `None` for one that the owner chose (`container_name:`).
fn given_by_compose<'a>(name: &'a str, labels: &Labels) -> Option<ComposeName<'a>> {
    let Labels { compose_project: project, compose_service: service, compose_number, .. } = labels;
    let rest = ['-', '_'].iter().find_map(|by| {
        name.strip_prefix(project.as_str())?.strip_prefix(*by)?.strip_prefix(service.as_str())?.strip_prefix(*by)
    })?;
    let (number, behind) = rest.split_once('_').map_or((rest, ""), |(number, slug)| (number, slug));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_its_number = compose_number.is_empty() || number == compose_number;
    let fits = is_number && is_its_number && (rest == number || is_short_id(behind));
    fits.then(|| ComposeName { name: &name[..name.len() - (rest.len() - number.len())], number })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shop(service: &str, number: &str) -> Labels {
        Labels {
            compose_project: "shop".to_owned(),
            compose_service: service.to_owned(),
            compose_number: number.to_owned(),
            ..Labels::default()
        }
    }

    fn task(service: &str, task: &str) -> Labels {
        Labels { swarm_service: service.to_owned(), swarm_task: task.to_owned(), ..Labels::default() }
    }

    fn is_service(entry: &str, stable: &str, labels: &Labels) -> bool {
        service_names(stable, labels).iter().any(|name| name == entry)
    }

    /// The stable name, with `!` behind it if the name is temporary.
    fn stable(name: &str, labels: &Labels) -> String {
        let identity = Identity::of(name, labels);
        format!("{}{}", identity.stable, if identity.is_temporary { "!" } else { "" })
    }

    #[test]
    fn composes_temporary_names_stand_for_the_name_behind_them() {
        assert_eq!(stable("249662c60a09_shop-web-1", &shop("web", "1")), "shop-web-1!");
        assert_eq!(stable("249662c60a09_my_web", &shop("web", "1")), "my_web!");
        assert_eq!(stable("249662c60a09_web", &Labels::default()), "249662c60a09_web");
        for name in ["249662c60a0_web", "249662C60A09_web", "249662c60a09_", "shop-web-1"] {
            assert_eq!(stable(name, &shop("web", "1")), name);
        }
    }

    #[test]
    fn what_compose_1_23_put_behind_a_name_is_not_of_it() {
        assert_eq!(stable("shop_db_1_910a2a037ba5", &shop("db", "1")), "shop_db_1");
        assert_eq!(stable("shop_db_1_910a2a037ba5", &shop("db", "2")), "shop_db_1_910a2a037ba5");
        assert_eq!(stable("shop_db_1_backup", &shop("db", "1")), "shop_db_1_backup");
    }

    #[test]
    fn a_swarms_slot_has_one_name_and_a_global_service_its_own() {
        assert_eq!(stable("web.1.k2n0vd3w4x5y6z7a8b9c0d1e2", &task("web", "web.1.x")), "web.1");
        assert_eq!(stable("web.12.k2n0vd", &task("web", "")), "web.12");
        assert_eq!(stable("odd", &task("web", "web.3.k2n0vd")), "web.3");
        assert_eq!(stable("log.r5q1nodeid.k2n0vd", &task("log", "log.r5q1nodeid.k2n0vd")), "log");
        assert_eq!(Identity::of("web.1.x", &task("web", "")).service.as_deref(), Some("web"));
    }

    #[test]
    fn a_service_is_met_by_the_names_that_compose_gave() {
        for (name, entry) in [
            ("shop-web-1", "web"),
            ("shop_web_1", "web"),
            ("shop-web-1", "shop_web_1"),
            ("shop_web_1", "shop-web-1"),
            ("shop_web_1", "shop_web_1"),
        ] {
            assert!(is_service(entry, name, &shop("web", "1")), "{name} {entry}");
            assert!(!is_service(entry, name, &Labels::default()), "{name} {entry} without labels");
        }
        for name in ["web-running", "shop-web-", "shop-web-x", "shop-db-1", "shop-web-2"] {
            assert!(!is_service("web", name, &shop("web", "1")), "{name}");
        }
        assert!(!is_service("web", "shop-web-run-3f2c", &Labels { compose_oneoff: "True".into(), ..shop("web", "1") }));
        assert!(is_service("web", "web.1", &task("web", "web.1.x")));
    }

    #[test]
    fn one_command_of_a_service_does_not_stand_in_for_it() {
        let labels = Labels { compose_oneoff: "True".to_owned(), ..shop("web", "1") };
        assert_eq!(Identity::of("shop-web-run-3f2c", &labels).service, None);
        assert_eq!(Identity::of("shop-web-1", &shop("web", "1")).service.as_deref(), Some("shop/web"));
    }

    #[test]
    fn a_service_is_known_by_its_name_again() {
        for (name, labels) in [("shop-web-1", shop("web", "1")), ("web.1.x", task("web", "web.1.x"))] {
            let service = Identity::of(name, &labels).service;
            assert_eq!(Identity::of(name, &labels_of(service.as_deref().unwrap())).service, service);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_names_and_labels_never_panic(
            name in "([0-9a-f]{12}_)?(shop|é)?[-_.]?(web)?[-_.]?[0-9]{0,2}[-_.]?\\PC{0,14}",
            project in "(shop|é|)", service in "(web|é|)", number in "[0-9]{0,2}", swarm in "(web|)",
        ) {
            let labels = Labels { compose_number: number, swarm_service: swarm, ..shop(&service, "") };
            let labels = Labels { compose_project: project, ..labels };
            let stable = Identity::of(&name, &labels).stable.into_owned();
            let _ = service_names(&stable, &labels);
        }
    }
}
