//! Slots of series in the rows' arrays. A slot goes to another series once its last one was not seen for an hour: no
//! summary is of both, and time tells whose a value is. So a name that is gone keeps its values until they are old.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::super::{Batch, MAX_SERIES};
use super::rollup::HOUR;

/// One series while it had its slot.
struct Tenancy {
    id: Option<i64>,
    slot: usize,
    since: i64,
    until: i64,
    is_changed: bool,
}

impl Tenancy {
    /// Whether it and one from `since` to `until` would be in one summary, in whole or in part.
    fn meets(&self, since: i64, until: i64) -> bool {
        let hour = |time: i64| time.div_euclid(HOUR);
        hour(self.since) <= hour(until) && hour(since) <= hour(self.until)
    }
}

/// The slot of each series of the batch; `None`: all are taken, and it is not recorded.
pub(super) fn assign(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<Vec<Option<usize>>> {
    let mut all: Vec<Tenancy> = Vec::new();
    let mut by_name: HashMap<(String, String), Vec<usize>> = HashMap::new();
    let mut by_slot: Vec<Vec<usize>> = vec![Vec::new(); MAX_SERIES];
    let mut select = transaction.prepare("SELECT id, slot, since, until, metric, target FROM series")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let slot = usize::from(row.get::<_, u16>(1)?);
        let Some(tenants) = by_slot.get_mut(slot) else { continue };
        tenants.push(all.len());
        by_name.entry((row.get(4)?, row.get(5)?)).or_default().push(all.len());
        all.push(Tenancy { id: row.get(0)?, slot, since: row.get(2)?, until: row.get(3)?, is_changed: false });
    }
    let mut slots = Vec::with_capacity(batch.series.len());
    for (place, (metric, target, unit)) in batch.series.iter().enumerate() {
        let measured = batch.rows.iter().filter(|(_, row)| row.get(place).is_some_and(Option::is_some));
        let times = measured.map(|(time, _)| *time);
        let Some((first, last)) = times.clone().min().zip(times.max()) else {
            slots.push(Some(0));
            continue;
        };
        let is_free = |slot: usize, except: Option<usize>, all: &[Tenancy], since, until| {
            by_slot[slot].iter().all(|tenant| Some(*tenant) == except || !all[*tenant].meets(since, until))
        };
        let name = (metric.clone(), target.clone());
        let own = by_name.get(&name).into_iter().flatten().copied().filter(|own| {
            let Tenancy { slot, since, until, .. } = all[*own];
            is_free(slot, Some(*own), &all, since.min(first), until.max(last))
        });
        let own = own.max_by_key(|own| all[*own].until);
        let tenant = own.or_else(|| {
            // One that was never used, else the one whose last series was seen least recently.
            let free = (0..MAX_SERIES).filter(|slot| is_free(*slot, None, &all, first, last));
            let last_seen = |slot: &usize| by_slot[*slot].iter().map(|tenant| all[*tenant].until).max();
            let slot = free.min_by_key(last_seen)?;
            all.push(Tenancy { id: None, slot, since: first, until: last, is_changed: true });
            Some(all.len() - 1)
        });
        let Some(tenant) = tenant else {
            slots.push(None);
            continue;
        };
        let tenancy = &mut all[tenant];
        let span = (tenancy.since.min(first), tenancy.until.max(last));
        tenancy.is_changed |= span != (tenancy.since, tenancy.until);
        (tenancy.since, tenancy.until) = span;
        slots.push(Some(tenancy.slot));
        if !by_slot[tenancy.slot].contains(&tenant) {
            by_slot[tenancy.slot].push(tenant);
        }
        if tenancy.is_changed
            && let Ok(slot) = u16::try_from(tenancy.slot)
        {
            let params = params![tenancy.id, slot, metric, target, unit, tenancy.since, tenancy.until];
            let write = "INSERT OR REPLACE INTO series(id, slot, metric, target, unit, since, until) \
                         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            transaction.execute(write, params)?;
        }
    }
    Ok(slots)
}
