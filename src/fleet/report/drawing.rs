//! What is drawn on the page: rectangles in a picture of a fixed width. Pure.

use serde::Serialize;

use super::value::Trend;
use crate::fleet::job::{Ending, Outcome};

/// Width of the pictures, in their own units.
pub(super) const WIDTH: f64 = 1000.0;
/// Height of a row of the timeline.
const ROW: f64 = 22.0;
/// Height of the trend.
pub(super) const HEIGHT: f64 = 120.0;
/// No job is narrower: one of a millisecond could not be seen.
const NARROWEST: f64 = 2.0;
/// A label needs so much for each letter.
const LETTER: f64 = 6.6;

/// A rectangle.
#[derive(Debug, Serialize)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// What it stands for: a class of the style.
    pub class: &'static str,
    /// Shown when it is pointed at.
    pub title: String,
    /// Written into it, if there is room.
    pub label: String,
}

/// The jobs over time, in as many rows as ran at once.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    pub height: f64,
    pub rects: Vec<Rect>,
    /// Where a moment is, and its name.
    pub ticks: Vec<(f64, String)>,
}

/// Draws the jobs of a night that began at `began`, in seconds since 1970, and took so many.
pub(super) fn timeline(jobs: &[Outcome], began: f64, seconds: f64) -> Timeline {
    let scale = WIDTH / seconds.max(1.0);
    let mut jobs: Vec<&Outcome> = jobs.iter().collect();
    jobs.sort_by_key(|job| (job.begun, job.customer.clone()));
    let mut rows: Vec<f64> = Vec::new();
    let mut rects = Vec::new();
    for job in jobs {
        let x = ((job.begun.seconds as f64 + f64::from(job.begun.nanos) / 1e9 - began) * scale)
            .clamp(0.0, WIDTH);
        let width = (job.seconds * scale).clamp(NARROWEST, (WIDTH - x).max(NARROWEST));
        let row = rows.iter().position(|end| *end <= x + 0.5).unwrap_or(rows.len());
        match rows.get_mut(row) {
            Some(end) => *end = x + width,
            None => rows.push(x + width),
        }
        let name = format!("{} {}", job.customer, job.step);
        let fits = name.chars().count() as f64 * LETTER < width;
        rects.push(Rect {
            x: tenth(x),
            y: row as f64 * ROW,
            width: tenth(width),
            height: ROW - 3.0,
            class: match job.ending {
                Ending::Failed => "failed",
                Ending::Reused | Ending::Covered => "reused",
                Ending::Done if job.step.is_smoke() => "smoke",
                Ending::Done => "built",
            },
            title: format!("{name}: {}", duration(job.seconds)),
            label: if fits { name } else { String::new() },
        });
    }
    let ticks = (0..=4).map(|n| {
        let at = f64::from(n) / 4.0;
        (tenth(at * WIDTH), duration(at * seconds))
    });
    Timeline { height: rows.len().max(1) as f64 * ROW, rects, ticks: ticks.collect() }
}

/// Draws the nights side by side: what was good below, what failed on top.
pub(super) fn trend(nights: &[Trend]) -> Vec<Rect> {
    let most = nights.iter().map(|night| {
        let t = night.totals;
        t.built + t.reused + t.failed + t.waiting
    });
    let scale = (HEIGHT - 4.0) / most.max().unwrap_or(1).max(1) as f64;
    let step = WIDTH / 30.0;
    let mut rects = Vec::new();
    for (at, night) in nights.iter().enumerate() {
        let t = night.totals;
        let title = format!(
            "{}: {} built, {} reused, {} failed, {} open, {} flaky, {}",
            night.night,
            t.built,
            t.reused,
            t.failed,
            t.waiting,
            t.flaky,
            duration(night.seconds)
        );
        let mut y = HEIGHT;
        let counts = [
            ("reused", t.reused),
            ("built", t.built),
            ("waiting", t.waiting),
            ("failed", t.failed),
        ];
        for (class, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            let height = count as f64 * scale;
            y -= height;
            rects.push(Rect {
                x: tenth(at as f64 * step + 2.0),
                y: tenth(y),
                width: tenth(step - 4.0),
                height: tenth(height),
                class,
                title: title.clone(),
                label: String::new(),
            });
        }
    }
    rects
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// "0.4 s", "12 s", "3 min 20 s", "2 h 5 min".
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60, whole) {
        (0, 0, 0) if seconds == 0.0 => "0 s".to_owned(),
        (0, 0, 0..=9) => format!("{seconds:.1} s"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {} s", seconds % 60),
        (hours, minutes, _) => format!("{hours} h {} min", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::job::Evidence;
    use crate::fleet::step::Step;
    use crate::units::{Digest, Timestamp};

    fn job(customer: &str, begun: i64, seconds: f64) -> Outcome {
        Outcome {
            job: Digest::of(customer),
            customer: customer.to_owned(),
            step: Step::Build,
            attempt: 1,
            begun: Timestamp::from_seconds(begun),
            seconds,
            ending: Ending::Done,
            error: None,
            blame: None,
            evidence: Evidence::default(),
        }
    }

    #[test]
    fn jobs_that_ran_at_once_lie_in_rows_of_their_own_and_none_leaves_the_picture() {
        let jobs = [job("a", 100, 50.0), job("b", 110, 80.0), job("c", 150, 60.0)];
        let drawn = timeline(&jobs, 100.0, 100.0);
        let rows: Vec<f64> = drawn.rects.iter().map(|rect| rect.y).collect();
        assert_eq!(rows, [0.0, ROW, 0.0]);
        assert!(drawn.rects.iter().all(|rect| rect.x >= 0.0 && rect.x + rect.width <= WIDTH));
        assert_eq!(drawn.rects[0].label, "a build");
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said = [0.04, 9.0, 59.6, 200.0, 7500.0].map(duration);
        assert_eq!(said, ["0.0 s", "9.0 s", "1 min 0 s", "3 min 20 s", "2 h 5 min"]);
    }
}
