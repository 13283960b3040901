//! Quantities (Kubernetes: apimachinery `resource.Quantity`).

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A quantity in thousandths, rounded up as Kubernetes' `MilliValue`; `None` if it is none.
pub(super) fn milli(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.as_str();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    // Thousandths as a power of ten, and a factor.
    let (exponent, factor) = match suffix {
        "n" => (-6, 1),
        "u" => (-3, 1),
        "m" => (0, 1),
        "" => (3, 1),
        "k" => (6, 1),
        "M" => (9, 1),
        "G" => (12, 1),
        "Ki" => (3, 1 << 10),
        "Mi" => (3, 1 << 20),
        "Gi" => (3, 1 << 30),
        other => (3 + other.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number: u128 = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent - i32::try_from(fraction.len()).ok()?;
    let power = 10_u128.checked_pow(exponent.unsigned_abs())?;
    let number = number.checked_mul(factor)?;
    let milli = match exponent >= 0 {
        true => number.checked_mul(power)?,
        false => number.div_ceil(power),
    };
    u64::try_from(milli).ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let table = [
            ("200m", Some(200)),
            ("1", Some(1_000)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("2.", Some(2_000)),
            ("1500u", Some(2)),
            ("100n", Some(1)),
            ("1k", Some(1_000_000)),
            ("1e3", Some(1_000_000)),
            ("5e-1", Some(500)),
            ("1Ki", Some(1_024_000)),
            ("0.0001", Some(1)),
            ("0", Some(0)),
            ("", None),
            (".", None),
            ("one", None),
            ("-1", None),
            ("1.2.3", None),
            ("1 m", None),
            ("1e99", None),
        ];
        for (text, milli) in table {
            assert_eq!(super::milli(&Quantity(text.to_owned())), milli, "{text}");
        }
    }
}
