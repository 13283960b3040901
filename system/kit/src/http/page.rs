//! Which page of a collection a caller asks for: `?page=0&size=20&sort=price,desc`.

use axum::extract::{FromRequestParts, Query};
use http::{StatusCode, request::Parts};

use super::problem::Problem;
use crate::store::Sort;

/// Resources a page, unless asked otherwise.
pub const SIZE_DEFAULT: u64 = 20;
/// Resources a page, at most: a larger wish gets this many (Spring Data REST: `maxPageSize`).
pub const SIZE_MAX: u64 = 1000;
/// Sort fields of one request, and letters of a field's name.
const SORTS_MAX: usize = 8;
const FIELD_LENGTH_MAX: usize = 64;

/// A page of a collection. As an extractor, 400 for values that make no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// From 0.
    pub page: u64,
    /// Resources a page, from 1 to [`SIZE_MAX`].
    pub size: u64,
    /// In what order.
    pub sort: Vec<Sort>,
}

/// A request's query parameters in their order; a name may come several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters(pub Vec<(String, String)>);

impl Paging {
    /// Reads `page`, `size` and `sort`, and leaves all others alone.
    ///
    /// # Errors
    /// 400 that names the parameter.
    pub fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let mut paging = Self {
            page: 0,
            size: SIZE_DEFAULT,
            sort: Vec::new(),
        };
        for (name, value) in &parameters.0 {
            match name.as_str() {
                "page" => paging.page = u64::from(number(name, value)?),
                "size" => paging.size = u64::from(number(name, value)?).min(SIZE_MAX),
                "sort" => paging.sort.push(sort(value)?),
                _ => {}
            }
        }
        if paging.size == 0 {
            return Err(wrong("size", "a page has at least one resource"));
        }
        if paging.sort.len() > SORTS_MAX {
            return Err(wrong("sort", &format!("at most {SORTS_MAX} fields")));
        }
        Ok(paging)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(Problem::malformed(rejection.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::read(&Parameters::from_request_parts(parts, state).await?)
    }
}

fn number(name: &str, value: &str) -> Result<u32, Problem> {
    let number = value.parse();
    number.map_err(|_| wrong(name, "expected a whole number, 0 or more"))
}

/// `field`, `field,asc` or `field,desc`.
fn sort(value: &str) -> Result<Sort, Problem> {
    let (field, direction) = value.split_once(',').unwrap_or((value, "asc"));
    let descending = match direction {
        "asc" => false,
        "desc" => true,
        _ => return Err(wrong("sort", "expected field,asc or field,desc")),
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if field.is_empty() || field.len() > FIELD_LENGTH_MAX || !field.chars().all(letters) {
        return Err(wrong("sort", "expected the name of a field"));
    }
    Ok(Sort {
        field: field.to_owned(),
        descending,
    })
}

fn wrong(parameter: &str, expected: &str) -> Problem {
    let detail = format!("query parameter {parameter}: {expected}");
    Problem::new(StatusCode::BAD_REQUEST, "bad-parameter", detail).field(parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Paging, Problem> {
        let pairs = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Paging::read(&Parameters(pairs.collect()))
    }

    #[test]
    fn twenty_a_page_from_the_first_unless_asked_otherwise() {
        let paging = read(&[("orderId", "5")]).expect("defaults");
        assert_eq!((paging.page, paging.size, paging.sort.len()), (0, 20, 0));
        let paging = read(&[
            ("page", "3"),
            ("size", "5000"),
            ("sort", "price,desc"),
            ("sort", "id"),
        ])
        .expect("good values");
        assert_eq!((paging.page, paging.size), (3, SIZE_MAX));
        let sorts: Vec<_> = paging
            .sort
            .iter()
            .map(|s| (s.field.as_str(), s.descending))
            .collect();
        assert_eq!(sorts, [("price", true), ("id", false)]);
    }

    #[test]
    fn bad_values_are_400_and_named() {
        for (name, value) in [
            ("page", "-1"),
            ("page", "x"),
            ("page", "99999999999999999999"),
            ("size", "0"),
            ("size", ""),
            ("sort", "price,up"),
            ("sort", ""),
            ("sort", "price;drop,asc"),
            ("sort", "price,asc,desc"),
        ] {
            let problem = read(&[(name, value)]).expect_err(value);
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            assert_eq!(problem.field.as_deref(), Some(name));
        }
        assert!(read(&[("sort", "a"); SORTS_MAX + 1]).is_err());
    }
}
