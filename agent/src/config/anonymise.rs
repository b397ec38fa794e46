//! `anonymise_clients`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{rules::beside, telemetry::clients::Anonymise};

/// `true`, `false` or a table that names a file.
#[derive(Debug, Default)]
pub(super) struct RawAnonymise(Anonymise);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeyFile {
    key_file: PathBuf,
}

impl RawAnonymise {
    /// What was meant by a file that stands at `from`.
    pub(super) fn beside(self, from: &Path) -> Anonymise {
        match self.0 {
            Anonymise::KeyFile(file) => Anonymise::KeyFile(beside(from, &file)),
            whole @ (Anonymise::No | Anonymise::RandomKey) => whole,
        }
    }
}

impl<'de> Deserialize<'de> for RawAnonymise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either).map(Self)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Anonymise;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or { key_file = \"...\" }")
    }

    fn visit_bool<E>(self, on: bool) -> Result<Anonymise, E> {
        Ok(if on { Anonymise::RandomKey } else { Anonymise::No })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Anonymise, A::Error> {
        let RawKeyFile { key_file } = RawKeyFile::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Anonymise::KeyFile(key_file))
    }
}
