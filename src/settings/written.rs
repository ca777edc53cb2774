//! How durations and numbers are written back into YAML: as people write them, without a needless `.0`.

use std::time::Duration;

use serde::Serializer;

/// Serialises a duration as seconds: a whole number where it is one.
///
/// # Errors
/// Those of the serializer.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if duration.subsec_nanos() == 0 {
        serializer.serialize_u64(duration.as_secs())
    } else {
        serializer.serialize_f64(duration.as_secs_f64())
    }
}

/// Serialises a number: a whole one without its fraction.
///
/// # Errors
/// Those of the serializer.
pub fn number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Whole numbers up to 2^53 are exact.
    if number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(number) {
        serializer.serialize_u64(*number as u64)
    } else {
        serializer.serialize_f64(*number)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Written {
        #[serde(serialize_with = "seconds")]
        duration: Duration,
        #[serde(serialize_with = "number")]
        number: f64,
    }

    #[test]
    fn whole_values_are_written_without_a_fraction() {
        let whole = Written { duration: Duration::from_secs(900), number: 80.0 };
        assert_eq!(serde_json::to_string(&whole).unwrap(), r#"{"duration":900,"number":80}"#);
        let parts = Written { duration: Duration::from_millis(500), number: 12.5 };
        assert_eq!(serde_json::to_string(&parts).unwrap(), r#"{"duration":0.5,"number":12.5}"#);
    }
}
