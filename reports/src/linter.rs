//! Whether figures that a document prints can have been measured in one run at all.
//!
//! Siege's lines depend on each other; forks copy reports and change single lines. Each rule here
//! is an identity of siege's own code (platform notes, siege: `src/data.c`, `src/browser.c`),
//! checked within the rounding of what is printed: two decimals.

use crate::documented::{Documented, Figure};

/// Half a unit of the last place that siege prints, and a little for binary fractions.
const HALF_PLACE: f64 = 0.005 + 1e-9;
/// Siege gives up when so many have failed (`failures`), each user then ending what it is at.
const MOST_FAILURES: f64 = 1024.0;

/// Every identity that the documented figures break, in words; none: they can be true together.
pub fn contradictions(documented: &Documented) -> Vec<String> {
    let rules = [availability, rate, concurrency, successful, tries, given_up];
    rules.iter().filter_map(|rule| rule(documented)).collect()
}

/// `Availability` is hits of hits and failures, and failures come in whole numbers.
fn availability(documented: &Documented) -> Option<String> {
    let hits = documented.value(Figure::Hits)?;
    let percent = documented.value(Figure::AvailabilityPercent)?;
    let of = |failed: f64| 100.0 * hits / (hits + failed);
    let agrees = |failed: f64| (of(failed) - percent).abs() <= HALF_PLACE;
    if let Some(failed) = documented.value(Figure::Failed) {
        return (!agrees(failed)).then(|| {
            let really = of(failed);
            format!("{hits} hits and {failed} failed are {really:.2} %, not {percent:.2} %")
        });
    }
    let failed = implied_failures(hits, percent)?;
    let near = [failed.floor(), failed.ceil()];
    (!near.into_iter().any(agrees)).then(|| {
        let [below, above] = near.map(of);
        format!(
            "no whole number of failures makes {percent:.2} % of {hits} hits: {} give \
             {below:.2} %, {} give {above:.2} %",
            near[0], near[1]
        )
    })
}

/// `Transaction rate` is hits by elapsed time.
fn rate(documented: &Documented) -> Option<String> {
    let hits = documented.value(Figure::Hits)?;
    let elapsed = documented.value(Figure::ElapsedS)?;
    let rate = documented.value(Figure::RatePerS)?;
    let low = hits / (elapsed + HALF_PLACE) - HALF_PLACE;
    let high = hits / (elapsed - HALF_PLACE) + HALF_PLACE;
    (!(low..=high).contains(&rate)).then(|| {
        let really = hits / elapsed;
        format!("{hits} hits in {elapsed:.2} s are {really:.2} a second, not {rate:.2}")
    })
}

/// `Concurrency` is response time times rate.
fn concurrency(documented: &Documented) -> Option<String> {
    let response = documented.value(Figure::ResponseS)?;
    let rate = documented.value(Figure::RatePerS)?;
    let concurrency = documented.value(Figure::Concurrency)?;
    let product = |sign: f64| (response + sign * HALF_PLACE) * (rate + sign * HALF_PLACE);
    let range = product(-1.0) - HALF_PLACE..=product(1.0) + HALF_PLACE;
    (!range.contains(&concurrency)).then(|| {
        format!(
            "response {response:.2} s at {rate:.2} a second is a concurrency of {:.2}, not \
             {concurrency:.2}",
            response * rate
        )
    })
}

/// What is below 400 is a hit, too.
fn successful(documented: &Documented) -> Option<String> {
    let hits = documented.value(Figure::Hits)?;
    let successful = documented.value(Figure::Successful)?;
    (successful > hits).then(|| format!("{successful} successful are more than {hits} hits"))
}

fn tries(documented: &Documented) -> Option<String> {
    let hits = documented.value(Figure::Hits)?;
    let failed = documented.value(Figure::Failed)?;
    let tries = documented.value(Figure::Tries)?;
    (tries != hits + failed).then(|| format!("{hits} hits and {failed} failed are not {tries}"))
}

/// Siege gives up at 1024 failures; each user may add the one that it is at.
fn given_up(documented: &Documented) -> Option<String> {
    let most = MOST_FAILURES + f64::from(documented.users) - 1.0;
    let implied = || {
        let percent = documented.value(Figure::AvailabilityPercent)?;
        let hits = documented.value(Figure::Hits)?;
        // The least that the printed percentage allows.
        Some(implied_failures(hits, percent + HALF_PLACE)?.ceil())
    };
    let failed = documented.value(Figure::Failed).or_else(implied)?;
    (failed > most).then(|| {
        let users = documented.users;
        format!("{failed} failed, but siege gives up at 1024: at most {most} with {users} users")
    })
}

fn implied_failures(hits: f64, percent: f64) -> Option<f64> {
    (percent > 0.0).then(|| (hits * (100.0 / percent - 1.0)).max(0.0))
}

#[cfg(test)]
mod tests {
    use Figure::{
        AvailabilityPercent, Concurrency, ElapsedS, Failed, Hits, RatePerS, ResponseS, Successful,
        Tries,
    };

    use super::*;

    fn lint(users: u32, figures: &[(Figure, f64)]) -> Vec<String> {
        contradictions(&Documented {
            source: "",
            users,
            figures: figures.to_vec(),
            note: "",
        })
    }

    #[test]
    fn platform_8_a_consistent_row_has_no_contradiction() {
        let measured = [
            (Hits, 1_025.0),
            (AvailabilityPercent, 63.55),
            (ElapsedS, 59.78),
            (ResponseS, 5.60),
            (RatePerS, 17.15),
            (Concurrency, 96.02),
            (Failed, 588.0),
        ];
        assert_eq!(lint(100, &measured), Vec::<String>::new());
    }

    #[test]
    fn platform_8_rows_with_copied_lines_are_impossible() {
        let autoscaled = [
            (Hits, 5_078.0),
            (AvailabilityPercent, 92.45),
            (ElapsedS, 120.0),
            (RatePerS, 17.15),
        ];
        let found = lint(100, &autoscaled);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("no whole number of failures makes 92.45 %"));
        assert_eq!(
            found[1],
            "5078 hits in 120.00 s are 42.32 a second, not 17.15"
        );
        let redeployed = [(Hits, 3_078.0), (AvailabilityPercent, 70.45)];
        assert_eq!(
            lint(100, &redeployed),
            ["1291 failed, but siege gives up at 1024: at most 1123 with 100 users"]
        );
    }

    #[test]
    fn the_shops_own_rows_are_possible_but_for_one_line() {
        let unready = [
            (Hits, 77.0),
            (AvailabilityPercent, 64.71),
            (ElapsedS, 59.46),
            (Failed, 42.0),
            (Tries, 119.0),
        ];
        assert!(lint(1, &unready).is_empty());
        let scaled = [
            (Hits, 12_509.0),
            (AvailabilityPercent, 100.0),
            (ElapsedS, 39.65),
            (ResponseS, 0.06),
            (RatePerS, 315.49),
            (Concurrency, 18.72),
            (Successful, 12_515.0),
        ];
        assert_eq!(
            lint(20, &scaled),
            ["12515 successful are more than 12509 hits"]
        );
    }

    #[test]
    fn each_identity_is_checked() {
        let wrong = [(Hits, 90.0), (Failed, 20.0), (AvailabilityPercent, 90.0)];
        assert_eq!(
            lint(1, &wrong),
            ["90 hits and 20 failed are 81.82 %, not 90.00 %"]
        );
        let wrong = [(ResponseS, 2.0), (RatePerS, 10.0), (Concurrency, 25.0)];
        assert_eq!(
            lint(1, &wrong),
            ["response 2.00 s at 10.00 a second is a concurrency of 20.00, not 25.00"]
        );
        let wrong = [(Hits, 1.0), (Failed, 1.0), (Tries, 3.0)];
        assert_eq!(lint(1, &wrong), ["1 hits and 1 failed are not 3"]);
        let bound = [(Failed, 1_279.0)];
        assert_eq!(lint(256, &bound), Vec::<String>::new());
        assert_eq!(lint(255, &bound).len(), 1, "1278 are possible");
    }
}
