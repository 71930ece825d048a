//! Result table.

use std::time::Duration;

/// Lines of name, figure and target.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, String, String)>);

impl Table {
    pub(crate) fn rate(&mut self, name: &str, found: f64, target: Option<f64>) {
        let target = target
            .map(|target| format!(">= {target:.0}"))
            .unwrap_or_default();
        self.0
            .push((name.to_owned(), format!("{found:.0}"), target));
        eprintln!("{name}: {found:.0}");
    }

    pub(crate) fn bytes(&mut self, name: &str, found: f64) {
        eprintln!("{name}: {found:.0} bytes");
        let row = (
            name.to_owned(),
            format!("{found:.0} bytes"),
            "< 2000".to_owned(),
        );
        self.0.push(row);
    }

    pub(crate) fn time(&mut self, name: &str, found: Duration, target: Option<Duration>) {
        let target = target
            .map(|target| format!("< {} ms", target.as_millis()))
            .unwrap_or_default();
        let found = format!("{:.1} ms", found.as_secs_f64() * 1000.0);
        eprintln!("{name}: {found}");
        self.0.push((name.to_owned(), found, target));
    }

    pub(crate) fn print(&self) {
        println!("\n{:<56} {:>12} {:>12}", "what", "found", "target");
        for (name, found, target) in &self.0 {
            println!("{name:<56} {found:>12} {target:>12}");
        }
    }
}
