//! Reads a corpus: JSON Lines files of attacks and of honest text.
//!
//! A corpus is a folder with `SET/CLASS.jsonl` (files whose name begins with `_` are left out) and, beside it,
//! `derived/SET_evasion.jsonl` (attacks in disguise) and `derived/SET_wrapped.jsonl` (values in envelopes). Nothing of
//! it belongs into this repository: the rows have licences of their own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use framewall_inspect::Opcode;
use serde::Deserialize;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// A value; in `wrapped` a message.
    pub(crate) payload: Vec<u8>,
    pub(crate) opcode: Opcode,
    /// Of an attack what it is, such as `sqli`; else `benign`.
    pub(crate) class: String,
    pub(crate) attack: bool,
    pub(crate) source: String,
    /// Of honest text what it is, such as `chat`.
    pub(crate) category: String,
    pub(crate) id: String,
    /// In `evasions`: how it is disguised, and the row that it was made from.
    pub(crate) evasion: String,
    pub(crate) base: String,
    /// In `wrapped`: what the value is put in.
    pub(crate) envelope: String,
}

/// All rows of a set.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) values: Vec<Row>,
    /// Empty if there is no such file.
    pub(crate) evasions: Vec<Row>,
    /// Empty if there is no such file.
    pub(crate) wrapped: Vec<Row>,
}

impl Corpus {
    /// Reads a set.
    pub(crate) fn load(folder: &Path, set: &str) -> anyhow::Result<Self> {
        ensure!(folder.is_dir(), "{}: there is no such folder; it should hold a corpus", folder.display());
        let values = folder.join(set);
        ensure!(
            values.is_dir(),
            "{}: there is no such folder; the set `{set}` should be in it",
            values.display()
        );
        let mut files = Vec::new();
        for entry in fs::read_dir(&values).with_context(|| values.display().to_string())? {
            let path = entry.with_context(|| values.display().to_string())?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".jsonl") && !name.starts_with('_') {
                files.push(path);
            }
        }
        files.sort();
        ensure!(!files.is_empty(), "{}: there is no .jsonl file in it", values.display());
        let mut corpus = Self::default();
        for file in files {
            read(&file, &mut corpus.values)?;
        }
        let derived = folder.join("derived");
        for (kind, rows) in [("evasion", &mut corpus.evasions), ("wrapped", &mut corpus.wrapped)] {
            let file = derived.join(format!("{set}_{kind}.jsonl"));
            if file.exists() {
                read(&file, rows)?;
            }
        }
        Ok(corpus)
    }
}

/// A line as it stands.
#[derive(Deserialize)]
struct Line {
    payload: Option<String>,
    payload_b64: Option<String>,
    opcode: Option<String>,
    class: String,
    label: String,
    #[serde(default)]
    source: String,
    cat: Option<String>,
    #[serde(default)]
    id: String,
    #[serde(default)]
    evasion: String,
    #[serde(default)]
    base: String,
    #[serde(default)]
    envelope: String,
}

fn read(path: &Path, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}:{}", path.display(), index + 1);
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            rows.push(row(&line).with_context(place)?);
        }
    }
    Ok(())
}

fn row(line: &str) -> anyhow::Result<Row> {
    let line: Line = serde_json::from_str(line)?;
    let payload = match (line.payload, line.payload_b64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(text)) => BASE64_STANDARD.decode(text).context("payload_b64")?,
        _ => anyhow::bail!("there should be one of `payload` and `payload_b64`"),
    };
    let opcode = match line.opcode.as_deref() {
        Some("binary") => Opcode::Binary,
        None | Some("text") => Opcode::Text,
        Some(other) => anyhow::bail!("opcode `{other}` should be `text` or `binary`"),
    };
    let attack = match line.label.as_str() {
        "attack" => true,
        "benign" => false,
        other => anyhow::bail!("label `{other}` should be `attack` or `benign`"),
    };
    let Line { class, source, cat, id, evasion, base, envelope, .. } = line;
    let category = cat.unwrap_or_default();
    Ok(Row { payload, opcode, class, attack, source, category, id, evasion, base, envelope })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row of a made-up corpus.
    pub(crate) fn made_up(class: &str, source: &str, id: &str, payload: &str) -> Row {
        let attack = class != "benign";
        Row {
            payload: payload.as_bytes().to_vec(),
            opcode: Opcode::Text,
            class: class.to_owned(),
            attack,
            source: source.to_owned(),
            category: if attack { String::new() } else { source.to_owned() },
            id: id.to_owned(),
            evasion: String::new(),
            base: String::new(),
            envelope: String::new(),
        }
    }

    fn error(folder: &Path, set: &str) -> String {
        format!("{:#}", Corpus::load(folder, set).expect_err("it is not a corpus"))
    }

    #[test]
    fn reads_values_disguises_and_envelopes() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        write(
            "dev/sqli.jsonl",
            "{\"payload\":\"'\",\"class\":\"sqli\",\"label\":\"attack\",\"cat\":null}\n\n",
        );
        write("dev/_notes.jsonl", "not a row");
        write(
            "derived/dev_wrapped.jsonl",
            r#"{"payload_b64":"AP8=","opcode":"binary","class":"benign","label":"benign","envelope":"cbor"}"#,
        );
        let corpus = Corpus::load(folder.path(), "dev").expect("a corpus");
        let [value] = corpus.values.as_slice() else { panic!("{:?}", corpus.values) };
        assert_eq!((value.payload.as_slice(), value.attack), (&b"'"[..], true));
        let [wrapped] = corpus.wrapped.as_slice() else { panic!("{:?}", corpus.wrapped) };
        assert_eq!((wrapped.payload.as_slice(), wrapped.opcode), (&[0, 255][..], Opcode::Binary));
        assert_eq!(corpus.evasions.len(), 0);
    }

    #[test]
    fn an_error_names_the_folder_or_the_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("nowhere");
        assert!(error(&missing, "dev").contains("nowhere"), "{}", error(&missing, "dev"));
        assert!(error(folder.path(), "dev").contains("the set `dev`"), "{}", error(folder.path(), "dev"));
        fs::create_dir(folder.path().join("dev")).expect("writable");
        fs::write(folder.path().join("dev/x.jsonl"), "\n{\"payload\":1}").expect("writable");
        assert!(error(folder.path(), "dev").contains("x.jsonl:2"), "{}", error(folder.path(), "dev"));
    }
}
