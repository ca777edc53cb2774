//! The bytes that an engine holds on its disk: the sum that `docker system df` shows, and where that is.

use serde::Deserialize;

/// `GET /info`, of which one field is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    docker_root_dir: String,
}

/// `GET /system/df`. Sizes that the engine has not counted are -1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DiskUsage {
    #[serde(default)]
    layers_size: Option<i64>,
    #[serde(default)]
    containers: Option<Vec<Container>>,
    #[serde(default)]
    volumes: Option<Vec<Volume>>,
    #[serde(default)]
    build_cache: Option<Vec<BuildCache>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    size_rw: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    #[serde(default)]
    usage_data: Option<VolumeUse>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeUse {
    #[serde(default)]
    size: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BuildCache {
    #[serde(default)]
    size: Option<i64>,
    /// It is in a layer that counts already.
    #[serde(default)]
    shared: Option<bool>,
}

/// The folder of the engine's files.
#[inline(never)]
pub fn root(json: &[u8]) -> serde_json::Result<String> {
    serde_json::from_slice(json).map(|info: Info| info.docker_root_dir)
}

/// The bytes of images, of what containers wrote, of volumes and of the build cache together.
#[inline(never)]
pub fn bytes(json: &[u8]) -> serde_json::Result<u64> {
    let DiskUsage { layers_size, containers, volumes, build_cache } = serde_json::from_slice(json)?;
    let containers = containers.into_iter().flatten().map(|container| container.size_rw);
    let volumes = volumes.into_iter().flatten().map(|volume| volume.usage_data.and_then(|used| used.size));
    let cache = build_cache.into_iter().flatten().filter(|cache| cache.shared != Some(true)).map(|cache| cache.size);
    let sizes = containers.chain(volumes).chain(cache).chain([layers_size]).flatten();
    Ok(sizes.filter_map(|size| u64::try_from(size).ok()).fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn everything_that_the_engine_holds_is_added_up_once() {
        let json =
            br#"{"LayersSize": 1000, "Images": [{"Size": 900}], "Containers": [{"SizeRw": 20}, {"SizeRootFs": 5}],
            "Volumes": [{"UsageData": {"Size": 300, "RefCount": 1}}, {"UsageData": {"Size": -1}}, {"UsageData": null}],
            "BuildCache": [{"Size": 7, "Shared": false}, {"Size": 9, "Shared": true}], "BuilderSize": 16}"#;
        assert_eq!(bytes(json).unwrap(), 1327);
        assert_eq!(bytes(br#"{"LayersSize": 5, "Containers": null, "Volumes": null}"#).unwrap(), 5);
        assert!(bytes(b"5").is_err() && bytes(b"").is_err());
        assert_eq!(root(br#"{"ID": "x", "DockerRootDir": "/var/lib/docker"}"#).unwrap(), "/var/lib/docker");
        assert!(root(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(json in prop::collection::vec(any::<u8>(), 0..200), sizes in prop::array::uniform3(any::<i64>())) {
            let _ = (root(&json), bytes(&json));
            let [layers, written, volume] = sizes;
            let json = format!(
                r#"{{"LayersSize":{layers},"Containers":[{{"SizeRw":{written}}}],"Volumes":[{{"UsageData":{{"Size":{volume}}}}}]}}"#
            );
            prop_assert!(bytes(json.as_bytes()).is_ok());
        }
    }
}
