//! Bases that are made anew by the policy, each looked at once a night. What goes wrong with that keeps the base that is
//! there: an archive that does not answer must not cost every customer the night.

use std::time::{Duration, SystemTime};

use super::here::{Here, lock};
use super::policy::Refresh;
use crate::base::{Definition, Update};
use crate::error::{Kind, Result};
use crate::progress::Progress;

/// A base that is older is made anew weekly. Some hours less than a week: a night that begins earlier than the last one
/// did is still the seventh.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60 - 6 * 60 * 60);
/// How many updates are named.
const NAMED: usize = 3;

impl Here<'_> {
    /// Makes the base anew where the policy says so and it is in the cache: what is not there is made by the plan.
    pub(super) fn renew(&self, definition: &Definition, progress: &dyn Progress) -> Result<()> {
        let refresh = self.tools.policy.bases.refresh;
        if refresh == Refresh::Keep || definition.is_pinned() {
            return Ok(());
        }
        let turn = lock(&self.renewed).entry(definition.name.clone()).or_default().clone();
        // held while it is made: whoever needs the same base waits for it
        let mut looked = lock(&turn);
        if *looked {
            return Ok(());
        }
        match self.renew_by(refresh, definition, progress) {
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) => progress.note(&format!(
                "base {} stays as it is, because it could not be made anew: {}",
                definition.name,
                e.in_one_line()
            )),
            Ok(()) => {}
        }
        *looked = true;
        Ok(())
    }

    fn renew_by(
        &self,
        refresh: Refresh,
        definition: &Definition,
        progress: &dyn Progress,
    ) -> Result<()> {
        let bases = &self.asking.workshop.bases;
        let (Some(root), Some(made)) = (bases.find(definition, progress)?, bases.made(definition)?)
        else {
            return Ok(());
        };
        let now = (self.tools.clock)();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.seconds.unsigned_abs());
        let why = match refresh {
            Refresh::Keep => None,
            Refresh::Weekly => old(now, made),
            Refresh::Security => {
                outdated(&bases.security_updates(definition, &root.packages, progress)?)
            }
        };
        let Some(why) = why else { return Ok(()) };
        drop(root);
        progress.note(&format!("base {} is made anew: {why}", definition.name));
        // a shard beside this one may have done it meanwhile
        bases.renew(definition, now, progress).map(drop)
    }
}

fn old(now: SystemTime, made: SystemTime) -> Option<String> {
    // a clock that was set back makes nothing old
    let age = now.duration_since(made).ok()?;
    (age > WEEK).then(|| format!("it is {:.0} days old", age.as_secs_f64() / 86_400.0))
}

fn outdated(updates: &[Update]) -> Option<String> {
    let named: Vec<String> =
        updates.iter().take(NAMED).map(|u| format!("{} {}", u.name, u.to)).collect();
    let more = updates.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!updates.is_empty()).then(|| format!("security updates of {}{more}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_made_anew_when_it_is_a_week_old_or_has_security_updates() {
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let after = |days: f64| made + Duration::from_secs_f64(days * 86_400.0);
        assert_eq!(old(after(6.5), made), None);
        assert_eq!(old(after(9.0), made).unwrap(), "it is 9 days old");
        assert_eq!(old(made, after(1.0)), None, "made in the future");
        let update = |name: &str| Update { name: name.into(), from: "1".into(), to: "2".into() };
        assert_eq!(outdated(&[]), None);
        assert_eq!(outdated(&[update("a")]).unwrap(), "security updates of a 2");
        let many = ["a", "b", "c", "d", "e"].map(update);
        assert_eq!(outdated(&many).unwrap(), "security updates of a 2, b 2, c 2 and 2 more");
    }
}
