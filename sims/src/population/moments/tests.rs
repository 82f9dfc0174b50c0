use ndarray::array;
use protocol::scoring::schema::{Feature, FeatureKind};

use super::*;

fn schema() -> Schema {
    let feature = |name: &str, kind| Feature { name: name.to_owned(), unit: None, kind };
    Schema::new(vec![
        feature("age", FeatureKind::Numeric { min: -100.0, max: 100.0 }),
        feature("owner", FeatureKind::Flag),
        feature(
            "town",
            FeatureKind::Categorical { levels: vec!["a".into(), "b".into(), "c".into()] },
        ),
    ])
    .unwrap()
}

/// Columns age, owner, town=a, town=b, town=c, then the label.
fn moments_of(with_label: [f64; 5], age_and_owner: f64) -> Moments {
    let mean = vec![40.0, 0.4, 0.5, 0.3, 0.2];
    let (mut covariance, columns) = (Array2::zeros((6, 6)), 5);
    let variance = |share: f64| share * (1.0 - share);
    for (j, &share) in mean.iter().enumerate() {
        covariance[(j, j)] = if j == 0 { 100.0 } else { variance(share) };
        covariance[(j, columns)] = with_label[j];
        covariance[(columns, j)] = with_label[j];
    }
    for (i, j) in [(2, 3), (2, 4), (3, 4)] {
        covariance[(i, j)] = -mean[i] * mean[j];
        covariance[(j, i)] = covariance[(i, j)];
    }
    covariance[(0, 1)] = age_and_owner;
    covariance[(1, 0)] = age_and_owner;
    covariance[(columns, columns)] = variance(0.45);
    Moments { people: 2_000, positive: 0.45, mean, covariance, histograms: vec![None] }
}

fn drawn(moments: &Moments) -> (Dataset, [Likeness; 2]) {
    let other = Moments { people: 1_000, positive: 0.3, ..moments.clone() };
    draw("made up", &schema(), &[moments.clone(), other], 5, 0.3, "00".to_owned())
}

#[test]
fn drawn_people_have_the_moments_that_they_are_drawn_from() {
    let moments = moments_of([1.5, 0.05, 0.06, -0.02, -0.04], 1.0);
    let (people, likeness) = drawn(&moments);
    assert!(likeness[0].greatest() < 0.02, "{likeness:?}");
    assert!(likeness.iter().all(|one| one.shrunk.abs() < 1e-12 && one.far == 0), "{likeness:?}");
    assert_eq!(people.minority.iter().filter(|&&a| a).count(), 1_000);
    assert_eq!(people.positive[..2_000].iter().filter(|&&y| y).count(), 900);
    let mean = |column: usize, label: bool| {
        let values = people.records.column(column).into_iter().zip(&people.positive).take(2_000);
        let own: Vec<f64> = values.filter(|(_, y)| **y == label).map(|(value, _)| value).collect();
        own.iter().sum::<f64>() / f64::from(u32::try_from(own.len()).unwrap())
    };
    // Means by label: the mean plus covariance / p, or minus covariance / (1 - p).
    for (column, [negative, positive]) in
        [(0, [37.273, 43.333]), (1, [0.309, 0.511]), (2, [0.391, 0.633]), (4, [0.273, 0.111])]
    {
        let scale = if column == 0 { 10.0 } else { 1.0 };
        assert!((mean(column, false) - negative).abs() < 0.03 * scale, "{column}");
        assert!((mean(column, true) - positive).abs() < 0.03 * scale, "{column}");
    }
    assert!((0..3_000).all(|row| (2..5).map(|j| people.records.column(j)[row]).sum::<f64>() > 0.5));
}

#[test]
fn the_seed_decides_who_is_drawn() {
    let moments = moments_of([1.5, 0.05, 0.06, -0.02, -0.04], 1.0);
    let groups = [moments.clone(), moments];
    let people = |seed| draw("made up", &schema(), &groups, seed, 0.3, String::new()).0.records;
    assert_eq!(people(1), people(1));
    assert_ne!(people(1), people(2));
}

#[test]
fn correlations_that_nobody_can_have_are_shrunk_and_said_to_be() {
    // Age would go with owning a home by 1.6, and with the label by .9.
    let (people, likeness) = drawn(&moments_of([4.5, -0.2, 0.3, 0.3, -0.3], 8.0));
    assert_eq!(people.minority.len(), 3_000);
    assert!(likeness[0].shrunk > 0.3 && likeness[0].far > 0, "{likeness:?}");
    let numbers = people.records.column(0);
    assert!(numbers.iter().all(|value| value.is_finite()));
}

#[test]
fn whatever_the_moments_people_come_out() {
    for seed in 0..40 {
        let mut moments = Moments { people: 50, ..moments_of([0.0; 5], 0.0) };
        let unit =
            |i: usize, j: usize| protocol::order::unit(seed, 0, u64::try_from(6 * i + j).unwrap());
        for i in 0..6 {
            for j in 0..i {
                let most = moments.covariance[(i, i)].sqrt() * moments.covariance[(j, j)].sqrt();
                let wide = if seed % 4 == 0 { 1e300 } else { 3.0 };
                moments.covariance[(i, j)] = wide * most * (2.0 * unit(i, j) - 1.0);
                moments.covariance[(j, i)] = moments.covariance[(i, j)];
            }
        }
        moments.positive = unit(5, 5).clamp(0.01, 0.99);
        let (people, likeness) = drawn(&moments);
        assert_eq!(people.minority.len(), 1_050);
        assert!(likeness[0].shrunk > 0.0 && likeness[0].greatest().is_finite(), "{likeness:?}");
        assert!(people.records.column(0).iter().all(|age| (-100.0..=100.0).contains(age)));
    }
}

#[test]
fn what_does_not_vary_is_left_alone() {
    let mut moments = moments_of([0.0; 5], 0.0);
    moments.covariance[(0, 0)] = 0.0;
    moments.mean[1] = 1.0;
    let (people, _) = drawn(&moments);
    assert!(people.records.column(0).iter().all(|age| (age - 40.0).abs() < 1e-9));
    assert!(people.records.column(1).iter().all(|&owner| owner > 0.5));
}

#[test]
fn numbers_take_the_values_of_a_histogram_and_stay_within_their_range() {
    let mut moments = moments_of([1.5, 0.05, 0.06, -0.02, -0.04], 1.0);
    // Mean and variance are the histogram's.
    (moments.mean[0], moments.covariance[(0, 0)]) = (32.5, 268.75);
    moments.histograms =
        vec![Some(Histogram { values: vec![20.0, 30.0, 60.0], weights: vec![2.0, 1.0, 1.0] })];
    let other = Moments { histograms: vec![None], ..moments.clone() };
    let (people, likeness) = draw("made up", &schema(), &[moments, other], 5, 0.3, String::new());
    let ages = people.records.column(0);
    let share = |rows: std::ops::Range<usize>, value: f64| {
        let all = rows.len();
        let count = ages[rows].iter().filter(|age| (**age - value).abs() < 1e-9).count();
        f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(all).unwrap())
    };
    assert!((share(0..2_000, 20.0) - 0.5).abs() < 0.01);
    // The other group has the same shape, as it has the same moments.
    assert!((share(2_000..4_000, 20.0) - 0.5).abs() < 0.05);
    assert!(likeness.iter().all(|one| one.at_ends.abs() < 1e-12));
    let far = Moments { mean: vec![99.0, 0.4, 0.5, 0.3, 0.2], ..moments_of([0.0; 5], 0.0) };
    let (people, likeness) = drawn(&far);
    assert!(people.records.column(0).iter().all(|&age| age <= 100.0));
    assert!(likeness[0].at_ends > 0.2, "{likeness:?}");
}

#[test]
fn a_factor_worked_by_hand() {
    let (lower, possible) = factor(&array![[1.0, 0.6], [0.6, 1.0]]);
    assert!(possible && (lower[(1, 0)] - 0.6).abs() < 1e-12 && (lower[(1, 1)] - 0.8).abs() < 1e-12);
    // Two columns cannot both be the first and differ.
    let contradiction = array![[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]];
    assert!(!factor(&contradiction).1);
    assert!(shrinkage(&contradiction) > 0.2);
    assert!(shrinkage(&array![[1.0, 1.5], [1.5, 1.0]]) > 0.33);
    assert!(shrinkage(&Array2::eye(3)).abs() < 1e-12);
}

#[test]
fn chances_outside_their_range_are_cut() {
    assert_eq!(drawn_level(&[1.2], 0.99), Some(0));
    assert_eq!(drawn_level(&[-0.1], 0.01), None);
    assert_eq!(drawn_level(&[-0.2, 0.6, 0.6], 0.4), Some(1));
    assert_eq!(drawn_level(&[-0.2, 0.6, 0.6], 0.6), Some(2));
    assert_eq!(drawn_level(&[-0.2, 0.0], 0.6), Some(0));
}
