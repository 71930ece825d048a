//! Dependency rules: the part of cargo-deny's `deny.toml` that is used here.

use std::collections::BTreeSet;

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::{Graph, Package};

/// The registry that cargo uses when a manifest names none.
const DEFAULT_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What may be depended on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    #[serde(rename = "multiple-versions")]
    _multiple_versions: Allowed,
    wildcards: Level,
    #[serde(default)]
    allow_wildcard_paths: bool,
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    /// Who may depend on it all the same.
    #[serde(default)]
    wrappers: BTreeSet<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: Level,
    unknown_git: Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Allow,
    Deny,
}

/// What only cargo-deny itself can look at; to deny it here would be a promise that nobody keeps.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Allowed {
    Allow,
}

/// The file of the policy is not one.
#[derive(Debug, thiserror::Error)]
#[error("deny.toml: {0}")]
pub struct PolicyError(#[from] toml_edit::de::Error);

/// A dependency that may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Complaint {
    /// The package names no licence.
    #[error("{package} names no licence")]
    NoLicense {
        /// Name and version.
        package: String,
    },
    /// The package's licence is none that is allowed.
    #[error(
        "{package} has the licence '{license}', which is not among those that [licenses] allows"
    )]
    License {
        /// Name and version.
        package: String,
        /// The licence.
        license: String,
    },
    /// The crate is banned.
    #[error("{package} is banned ({reason}); '{dependent}' depends on it")]
    Banned {
        /// Name and version.
        package: String,
        /// Who depends on it.
        dependent: String,
        /// Why it is banned.
        reason: String,
    },
    /// A version is not bounded.
    #[error("{package} takes any version of '{dependency}'")]
    Wildcard {
        /// Name and version.
        package: String,
        /// The crate that is taken in any version.
        dependency: String,
    },
    /// The package comes from somewhere else than the public registry.
    #[error("{package} comes from '{origin}'")]
    Source {
        /// Name and version.
        package: String,
        /// Where it comes from.
        origin: String,
    },
}

impl Policy {
    /// Reads the text of a `deny.toml`.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if it is none, or has a key that is not honoured here.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Ok(toml_edit::de::from_str(text)?)
    }

    /// What of `graph` is not allowed, package by package.
    pub fn complaints(&self, graph: &Graph) -> Vec<Complaint> {
        graph
            .packages()
            .flat_map(|package| {
                let rules = [self.license(package), self.source(package)];
                rules
                    .into_iter()
                    .flatten()
                    .chain(self.banned(graph, package))
                    .chain(self.wildcards(package))
            })
            .collect()
    }

    fn license(&self, package: &Package) -> Option<Complaint> {
        let Some(license) = &package.license else {
            return Some(Complaint::NoLicense {
                package: label(package),
            });
        };
        // Old manifests write a slash for OR.
        let is_allowed = Expression::parse_mode(license, ParseMode::LAX).is_ok_and(|expression| {
            expression
                .evaluate(|requirement| self.licenses.allow.contains(&requirement.to_string()))
        });
        (!is_allowed).then(|| Complaint::License {
            package: label(package),
            license: license.clone(),
        })
    }

    fn source(&self, package: &Package) -> Option<Complaint> {
        let origin = package
            .source
            .as_deref()
            .filter(|origin| *origin != DEFAULT_REGISTRY)?;
        let level = if origin.starts_with("git+") {
            self.sources.unknown_git
        } else {
            self.sources.unknown_registry
        };
        (level == Level::Deny).then(|| Complaint::Source {
            package: label(package),
            origin: origin.to_owned(),
        })
    }

    fn banned(&self, graph: &Graph, package: &Package) -> Vec<Complaint> {
        let Some(ban) = self.bans.deny.iter().find(|ban| ban.name == package.name) else {
            return Vec::new();
        };
        let dependents = graph.dependents(package).into_iter();
        dependents
            .filter(|dependent| !ban.wrappers.contains(*dependent))
            .map(|dependent| Complaint::Banned {
                package: label(package),
                dependent: dependent.to_owned(),
                reason: ban.reason.clone(),
            })
            .collect()
    }

    /// Only of our own manifests: others' are on the registry, which takes no wildcards.
    fn wildcards(&self, package: &Package) -> Vec<Complaint> {
        if self.bans.wildcards == Level::Allow || package.source.is_some() {
            return Vec::new();
        }
        let wild = package.dependencies.iter().filter(|dependency| {
            dependency.req == "*" && !(self.bans.allow_wildcard_paths && dependency.path.is_some())
        });
        wild.map(|dependency| Complaint::Wildcard {
            package: label(package),
            dependency: dependency.name.clone(),
        })
        .collect()
    }
}

fn label(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        [bans]
        multiple-versions = "allow"
        wildcards = "deny"
        allow-wildcard-paths = true
        deny = [{ crate = "slow", wrappers = ["old"], reason = "fast is faster" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
    "#;

    fn package(name: &str, license: Option<&str>, source: Option<&str>) -> Value {
        json!({ "id": name, "name": name, "version": "1.0.0", "license": license, "source": source, "dependencies": [] })
    }

    fn complaints(packages: Vec<Value>, nodes: Value) -> Vec<String> {
        let graph =
            Graph::from_json(json!({ "packages": packages, "resolve": { "nodes": nodes } }));
        let found = Policy::parse(RULES).unwrap().complaints(&graph);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn licenses_are_expressions() {
        for license in [
            "MIT",
            "GPL-3.0-only OR MIT",
            "MIT/Apache-2.0",
            "MIT AND Apache-2.0",
        ] {
            assert_eq!(
                complaints(vec![package("a", Some(license), None)], json!([])),
                [""; 0],
                "{license}"
            );
        }
        for license in [
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "Apache-2.0 WITH LLVM-exception",
            "no such",
        ] {
            let found = complaints(vec![package("a", Some(license), None)], json!([]));
            assert!(
                found[0].contains("a 1.0.0") && found[0].contains(license),
                "{found:?}"
            );
        }
        assert_eq!(
            complaints(vec![package("a", None, None)], json!([])),
            ["a 1.0.0 names no licence"]
        );
    }

    #[test]
    fn sources_are_the_registry_or_this_repository() {
        let other =
            |source: &str| complaints(vec![package("a", Some("MIT"), Some(source))], json!([]));
        assert_eq!(other(DEFAULT_REGISTRY), [""; 0]);
        assert_eq!(
            other("git+https://a.example/a#1"),
            ["a 1.0.0 comes from 'git+https://a.example/a#1'"]
        );
        assert_eq!(
            other("registry+https://a.example"),
            ["a 1.0.0 comes from 'registry+https://a.example'"]
        );
    }

    #[test]
    fn a_banned_crate_is_for_its_wrappers_alone() {
        let packages = ["slow", "old", "new"].map(|name| package(name, Some("MIT"), None));
        let uses = |kind: Value| json!([{ "pkg": "slow", "dep_kinds": [{ "kind": kind }] }]);
        let nodes = json!([{ "id": "old", "deps": uses(Value::Null) }, { "id": "new", "deps": uses(json!("dev")) }]);
        assert_eq!(
            complaints(packages.to_vec(), nodes),
            ["slow 1.0.0 is banned (fast is faster); 'new' depends on it"]
        );
    }

    #[test]
    fn versions_are_bounded() {
        let mut wild = package("a", Some("MIT"), None);
        wild["dependencies"] = json!([
            { "name": "far", "req": "*", "path": null },
            { "name": "near", "req": "*", "path": "/near" },
            { "name": "bounded", "req": "^1", "path": null },
        ]);
        assert_eq!(
            complaints(vec![wild], json!([])),
            ["a 1.0.0 takes any version of 'far'"]
        );
    }

    #[test]
    fn keys_without_effect_are_refused() {
        for change in [
            ("wildcards", "wildcord"),
            (
                "multiple-versions = \"allow\"",
                "multiple-versions = \"deny\"",
            ),
        ] {
            let text = RULES.replacen(change.0, change.1, 1);
            assert!(Policy::parse(&text).is_err(), "{text}");
        }
    }
}
