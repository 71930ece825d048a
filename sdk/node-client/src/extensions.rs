//! Extensions: what a node offers beyond the API that all nodes have. Node spec 1.18.
//!
//! A node names them in its health document and in the header [`EXTENSIONS`] of each answer, so that a client knows them as soon as it
//! has asked anything.

/// The name of the header: names of extensions, separated by spaces.
pub const EXTENSIONS: &str = "walrus-extensions";

const UPLOAD: &str = "upload";
const SLIVERS: &str = "slivers";

/// What a node offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Everything of a blob in one request, which answers with the confirmation, and what there is of a blob.
    pub upload: bool,
    /// Several slivers in one answer.
    pub slivers: bool,
}

impl Extensions {
    /// Everything that this version knows of.
    pub const ALL: Self = Self {
        upload: true,
        slivers: true,
    };

    /// The names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [(self.upload, UPLOAD), (self.slivers, SLIVERS)];
        all.into_iter()
            .filter_map(|(offered, name)| offered.then_some(name))
    }

    /// Those with these names; others are unknown here.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut extensions = Self::default();
        for name in names {
            match name {
                UPLOAD => extensions.upload = true,
                SLIVERS => extensions.slivers = true,
                _ => {}
            }
        }
        extensions
    }

    /// The value of the header.
    pub fn to_text(self) -> String {
        self.names().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_unknown_ones_do_no_harm() {
        for extensions in [Extensions::ALL, Extensions::default()] {
            let text = extensions.to_text();
            assert_eq!(Extensions::of_names(text.split(' ')), extensions);
        }
        let some = Extensions::of_names("slivers levitation".split(' '));
        assert!(some.slivers && !some.upload);
    }
}
