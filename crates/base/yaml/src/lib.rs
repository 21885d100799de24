//! Kubernetes' YAML, read and written byte for byte as sigs.k8s.io/yaml does.
//!
//! Reading follows go-yaml v2 (YAML 1.1: `yes` is a boolean, `010` is eight, `<<` merges, a later
//! key wins) and then Go's way through JSON, so that what comes out is what every Go controller
//! sees. Writing follows `yaml.Marshal` of sigs.k8s.io/yaml v1.6: keys in go-yaml's order, its
//! quotes, its folding at 80 columns, lists not indented below their key.
//!
//! kustomize reads with go-yaml v3, where `yes` is text: [`Dialect`] tells the two apart.
#![warn(missing_docs)]

mod compose;
mod decode;
mod documents;
mod emit;
mod error;
mod goprint;
mod json;
mod limits;
mod number;
mod order;
mod pieces;
mod reader;
mod resolve;
mod rewrite;
mod scanner;
mod timestamp;

pub use decode::Dialect;
pub use documents::{
    Document, from_slice, from_slice_strict, from_slice_with, from_str, objects_of,
    parse_documents, parse_documents_with, parse_stream, parse_stream_with, text_of,
};
pub use emit::to_string;
pub use error::YamlError;
pub use json::{write_json, write_json_go};
pub use limits::Limits;
pub use number::{format_f64_g, format_f64_json};
pub use order::key_order;
pub use pieces::{from_slice_in_pieces, is_about_anchors};
pub use rewrite::Written;
