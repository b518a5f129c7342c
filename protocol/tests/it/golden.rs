//! Bytes of real clients and brokers: decoded, compared with their readable form, and encoded to
//! the same bytes.
//!
//! `testdata/<api>/v<version>/request-<client>.bin` and `response-<client>.bin` hold a whole frame
//! without its size: header and body. Beside each, the same name with `.txt` shows what it says;
//! `UPDATE_GOLDEN=1 cargo test -p highwater-protocol golden` writes those.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use highwater_protocol::{
    AnyRequest, AnyResponse, ApiKey, Reader, RequestHeader, ResponseHeader, Writer,
};

fn files() -> Vec<(ApiKey, i16, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files = Vec::new();
    for api in entries(&root) {
        let name = api.file_name().unwrap().to_str().unwrap();
        let key = ApiKey::ALL.iter().find(|key| snake_case(key.name()) == name);
        let key = *key.unwrap_or_else(|| panic!("{name} is no api"));
        for directory in entries(&api) {
            let name = directory.file_name().unwrap().to_str().unwrap();
            let version = name.strip_prefix('v').unwrap().parse().unwrap();
            for path in entries(&directory) {
                if path.extension().is_some_and(|extension| extension == "bin") {
                    files.push((key, version, path));
                }
            }
        }
    }
    files
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// What the bytes say, and the bytes that say it.
fn read_and_write(key: ApiKey, version: i16, is_request: bool, bytes: &Bytes) -> (String, Bytes) {
    let mut reader = Reader::new(bytes.clone());
    let mut writer = Writer::new();
    let text = if is_request {
        let header = RequestHeader::decode(&mut reader).unwrap();
        assert_eq!((header.api_key, header.api_version), (key.code(), version));
        let request = AnyRequest::decode(key, version, &mut reader).unwrap();
        header.encode(&mut writer).unwrap();
        request.encode(&mut writer, version).unwrap();
        format!("{header:#?}\n{request:#?}\n")
    } else {
        let header = ResponseHeader::decode(&mut reader, key, version).unwrap();
        let response = AnyResponse::decode(key, version, &mut reader).unwrap();
        header.encode(&mut writer, key, version);
        response.encode(&mut writer, version).unwrap();
        format!("{header:#?}\n{response:#?}\n")
    };
    reader.expect_end().unwrap();
    (text, writer.into_bytes().unwrap())
}

#[test]
fn golden_bytes_are_understood_and_written_the_same() {
    let files = files();
    assert!(files.len() >= 3, "the recorded bytes are there");
    for (key, version, path) in files {
        let name = path.display();
        let is_request = path.file_name().unwrap().to_str().unwrap().starts_with("request-");
        let bytes = Bytes::from(fs::read(&path).unwrap());
        let (text, again) = read_and_write(key, version, is_request, &bytes);
        assert_eq!(again, bytes, "{name}");
        let readable = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&readable, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&readable).unwrap_or_default(), text, "{name}");
    }
}
