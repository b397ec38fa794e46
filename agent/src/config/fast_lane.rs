//! `fast_lane`: true, false or a word.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// Whether connections have a fast lane to the application (docs/fast-lane.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FastLaneMode {
    /// Plain TCP
    #[default]
    #[value(skip)]
    Off,
    /// Where this kernel passes the self-test, else plain TCP
    On,
    /// Also where FIONREAD is wrong: for applications that never ask how much there is to read
    DespiteFionread,
    /// Where this kernel passes the self-test, else the daemon does not start
    Required,
}

impl<'de> Deserialize<'de> for FastLaneMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = FastLaneMode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, \"required\" or \"despite-fionread\"")
            }

            fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<FastLaneMode, E> {
                Ok(if is_on { FastLaneMode::On } else { FastLaneMode::Off })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<FastLaneMode, E> {
                match word {
                    "required" => Ok(FastLaneMode::Required),
                    "despite-fionread" => Ok(FastLaneMode::DespiteFionread),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }
        }

        deserializer.deserialize_any(Written)
    }
}
