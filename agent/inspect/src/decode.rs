//! Undoes encodings that hide a value from who looks at it as it stands.

mod layers;

pub(crate) use layers::Layers;
pub use layers::Step;
