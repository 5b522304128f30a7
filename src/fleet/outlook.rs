//! What a night would do for a customer, found out without making anything.

use super::booting::proves;
use super::here::Here;
use crate::build;
use crate::error::Result;
use crate::progress::Progress;
use crate::smoke::{BootReport, Firmware};

/// What would be done for a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The artifacts' name, where there is a plan.
    pub id: Option<String>,
    /// The base and layers that must be made before there is one.
    pub missing: Vec<String>,
    /// Whether the newest images are of this plan.
    pub built: bool,
    /// The firmwares with which they became READY.
    pub tested: Vec<Firmware>,
}

impl Here<'_> {
    /// What is known of a customer without making anything: the plan, or what must be made before there is one; and which
    /// steps would find nothing to do.
    pub fn outlook(&self, customer: &str, progress: &dyn Progress) -> Result<Outlook> {
        let (ticket, bundle) = self.pull(customer, progress)?;
        let prepared = match self.asking.look(&ticket, &bundle, progress)? {
            Ok(prepared) => prepared,
            Err(missing) => return Ok(Outlook { missing, ..Outlook::default() }),
        };
        let (plan, id) = (prepared.plan.digest()?, prepared.plan.stem()?);
        let folder = self.tools.project.out.join(&ticket.order.profile.customer.id);
        let built = match build::latest(&self.tools.project.out, &ticket.order.profile.customer.id)
        {
            Ok((_, built)) if built.record.plan == plan => Some(built),
            _ => None,
        };
        let is_tested = |firmware: &Firmware| {
            let built = built.as_ref()?;
            let path = folder.join(&built.artifacts.first()?.file);
            let report = path.with_extension(format!("smoke-{}", firmware.name()));
            let report = BootReport::read(&report).ok()?;
            proves(&report, built, &self.tools.policy.smoke).then_some(())
        };
        let policy = &self.tools.policy.smoke;
        let tested = policy.firmware.iter().filter(|f| is_tested(f).is_some()).copied().collect();
        Ok(Outlook { id: Some(id), missing: Vec::new(), built: built.is_some(), tested })
    }
}
