//! The labels by which a container's maker recognizes it, and the one by which its owner leaves it out.

use serde::Deserialize;

use super::container::word_or_null;

/// Each is empty if the container does not have it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Labels {
    /// <https://github.com/docker/compose/blob/v2.27.0/pkg/api/labels.go>.
    #[serde(rename = "com.docker.compose.project", deserialize_with = "word_or_null")]
    pub compose_project: String,
    #[serde(rename = "com.docker.compose.service", deserialize_with = "word_or_null")]
    pub compose_service: String,
    #[serde(rename = "com.docker.compose.container-number", deserialize_with = "word_or_null")]
    pub compose_number: String,
    /// `True` for `docker compose run`.
    #[serde(rename = "com.docker.compose.oneoff", deserialize_with = "word_or_null")]
    pub compose_oneoff: String,
    /// <https://github.com/moby/moby/blob/v26.1.5/daemon/cluster/executor/container/container.go>, `labels`.
    #[serde(rename = "com.docker.swarm.service.name", deserialize_with = "word_or_null")]
    pub swarm_service: String,
    /// `web.1.q9w8e7r6t5y4u3i2o1p0a9s8d`; of a global service `web.NODE.TASK`.
    #[serde(rename = "com.docker.swarm.task.name", deserialize_with = "word_or_null")]
    pub swarm_task: String,
    #[serde(rename = "com.docker.swarm.node.id", deserialize_with = "word_or_null")]
    pub swarm_node: String,
    /// `true`: its owner does not want it to be watched.
    #[serde(rename = "vps-monitor.ignore", deserialize_with = "word_or_null")]
    pub ignore: String,
}

impl Labels {
    /// Whether compose made it for a service, and not for one command.
    pub fn is_of_compose_service(&self) -> bool {
        let is_one_off = self.compose_oneoff.eq_ignore_ascii_case("true");
        !self.compose_project.is_empty() && !self.compose_service.is_empty() && !is_one_off
    }

    /// Their approximate size in memory.
    pub fn bytes(&self) -> usize {
        let of_compose = [&self.compose_project, &self.compose_service, &self.compose_number, &self.compose_oneoff];
        let others = [&self.swarm_service, &self.swarm_task, &self.swarm_node, &self.ignore];
        let texts = of_compose.into_iter().chain(others).map(String::len);
        size_of::<Labels>() + texts.sum::<usize>()
    }

    pub fn is_ignored(&self) -> bool {
        self.ignore.eq_ignore_ascii_case("true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_by_their_names_and_others_are_skipped() {
        let labels: Labels = serde_json::from_str(
            r#"{"com.docker.compose.project":"shop","com.docker.compose.service":"web","maintainer":"x",
                "com.docker.compose.container-number":"2","com.docker.compose.oneoff":"False","vps-monitor.ignore":null}"#,
        )
        .unwrap();
        assert_eq!((labels.compose_project.as_str(), labels.compose_number.as_str()), ("shop", "2"));
        assert!(labels.is_of_compose_service() && !labels.is_ignored());
    }

    #[test]
    fn one_command_of_a_service_is_not_the_service() {
        let labels = Labels {
            compose_project: "shop".to_owned(),
            compose_service: "web".to_owned(),
            compose_oneoff: "True".to_owned(),
            ..Labels::default()
        };
        assert!(!labels.is_of_compose_service());
    }
}
