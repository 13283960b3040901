//! Finding things by name, and saying what else there is.

/// How many near names an error offers.
const SUGGESTIONS: usize = 3;

/// The names that `filters` select: a name equal to a filter, else all names that contain it.
/// Without filters every name. Each name once, in the order of `names`.
///
/// # Errors
/// The filter that selects nothing, with the nearest names, those of `others` among them: what is
/// selected elsewhere, and may have been meant.
pub fn select<'a>(
    kind: &str,
    filters: &[String],
    names: &[&'a str],
    others: &[&str],
) -> Result<Vec<&'a str>, String> {
    let mut selected = vec![filters.is_empty(); names.len()];
    for filter in filters {
        let exact = names.iter().position(|name| name == filter);
        let mut found = false;
        for (index, name) in names.iter().enumerate() {
            let hit = exact.map_or_else(|| name.contains(filter.as_str()), |exact| exact == index);
            selected[index] |= hit;
            found |= hit;
        }
        if !found {
            return Err(unknown(kind, filter, &[names, others].concat()));
        }
    }
    let chosen = names.iter().zip(selected).filter(|(_, selected)| *selected);
    Ok(chosen.map(|(name, _)| *name).collect())
}

/// One line that says that `name` is unknown and which names are nearest.
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    let short = |known: &str| known.rsplit('/').next().unwrap_or(known).to_owned();
    let mut near: Vec<_> = known
        .iter()
        .map(|known| {
            let whole = strsim::jaro_winkler(known, name);
            (*known, whole.max(strsim::jaro_winkler(&short(known), name)))
        })
        .collect();
    near.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(right.0)));
    let near: Vec<_> = near
        .iter()
        .take(SUGGESTIONS)
        .map(|(name, _)| *name)
        .collect();
    if near.is_empty() {
        return format!("no {kind} {name:?}; there is none here");
    }
    let are = if near.len() == 1 { "is" } else { "are" };
    format!("no {kind} {name:?}; the nearest {are} {}", near.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{select, unknown};

    const NAMES: [&str; 4] = [
        "shop/cqrs",
        "shop/pay-outage",
        "shop/pay-partition",
        "shop/cancel",
    ];

    fn chosen(filters: &[&str]) -> Result<Vec<&'static str>, String> {
        let filters: Vec<_> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        select("scenario", &filters, &NAMES, &["shop/year-hardened"])
    }

    #[test]
    fn a_filter_selects_what_contains_it_and_no_filter_everything() {
        assert_eq!(chosen(&[]), Ok(NAMES.to_vec()));
        assert_eq!(
            chosen(&["pay"]),
            Ok(vec!["shop/pay-outage", "shop/pay-partition"])
        );
        assert_eq!(
            chosen(&["cancel", "cqrs"]),
            Ok(vec!["shop/cqrs", "shop/cancel"])
        );
    }

    #[test]
    fn a_whole_name_selects_itself_alone() {
        let names = ["shop/hpa", "shop/hpa-legacy"];
        assert_eq!(
            select("scenario", &["shop/hpa".to_owned()], &names, &[]),
            Ok(vec!["shop/hpa"])
        );
    }

    #[test]
    fn a_filter_for_nothing_names_its_neighbours() {
        let error = chosen(&["pay-outrage"]).expect_err("there is no such scenario");
        assert!(error.contains("\"pay-outrage\""), "{error}");
        assert!(error.contains("shop/pay-outage"), "{error}");
        let error = chosen(&["shop/yaer-hardened"]).expect_err("there is no such year");
        assert!(error.contains("are shop/year-hardened"), "{error}");
        assert!(unknown("system", "shp", &["shop"]).contains("shop"));
        assert!(unknown("system", "shp", &[]).ends_with("none here"));
    }
}
