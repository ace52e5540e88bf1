//! The graph finds what the exact search finds; files come back as they were; damage is an error.

#![allow(clippy::unwrap_used)]

use dd_search::{GraphConfig, Index, IndexConfig, Label, Metric, Origin, Search, SearchError};

/// Uniform numbers of (-1, 1) by a linear congruential generator: the same on every machine.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 23) as f32) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Vectors around a few centres, as embeddings are.
fn clustered(count: usize, width: usize, seed: u64) -> Vec<f32> {
    let centres = numbers(20 * width, 7);
    let noise = numbers(count * width, seed);
    (0..count * width)
        .map(|i| {
            let centre = (i / width) % 20;
            centres[centre * width + i % width] + 0.4 * noise[i]
        })
        .collect()
}

fn labels(count: usize) -> Vec<Label> {
    (0..count as u64)
        .map(|row| Label {
            row,
            input: format!("C{row}"),
            name: String::new(),
        })
        .collect()
}

fn index(vectors: &[f32], count: usize, metric: Metric, graph: Option<GraphConfig>) -> Index {
    let origin = Origin {
        model: "noise".into(),
        fingerprint: "0".into(),
    };
    let config = IndexConfig { metric, graph };
    Index::build(vectors, labels(count), config, origin, &mut |_| ()).unwrap()
}

fn bytes(index: &Index) -> Vec<u8> {
    let mut file = Vec::new();
    index.write(&mut file).unwrap();
    file
}

/// Near neighbours lie closer than the steps of single precision beside 1.
#[test]
fn a_vector_of_the_index_is_its_own_nearest() {
    let (count, width) = (500, 32);
    let noise = numbers(count * width, 3);
    let centre = numbers(width, 4);
    let near = |i: usize| centre[i % width] + 1e-4 * noise[i];
    let vectors: Vec<f32> = (0..count * width).map(near).collect();
    let index = index(&vectors, count, Metric::Cosine, None);
    for (entry, query) in vectors.chunks(width).enumerate().step_by(17) {
        let hits = index.nearest(query, 3, Search::Exact).unwrap();
        assert_eq!((hits[0].entry, hits[0].distance), (entry, 0.0));
        assert!(hits[1].distance > 0.0 && hits[1].distance <= hits[2].distance);
    }
}

#[test]
fn vectors_too_long_for_their_distances_are_refused() {
    let config = IndexConfig {
        metric: Metric::Euclidean,
        graph: None,
    };
    let origin = Origin {
        model: "noise".into(),
        fingerprint: "0".into(),
    };
    let vectors = [0.0, 0.0, 1e20, 1e20];
    let error = Index::build(&vectors, labels(2), config, origin, &mut |_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "vector 1 is too long for distances in single precision"
    );
}

#[test]
fn the_exact_search_is_the_definition() {
    let vectors = clustered(300, 10, 1);
    let query = numbers(10, 9);
    let index = index(&vectors, 300, Metric::Euclidean, None);
    let distance = |vector: &[f32]| {
        let squares = vector.iter().zip(&query).map(|(a, b)| (a - b) * (a - b));
        squares.sum::<f32>().sqrt()
    };
    let mut expected: Vec<(f32, usize)> = vectors.chunks_exact(10).map(distance).zip(0..).collect();
    expected.sort_by(|a, b| a.0.total_cmp(&b.0));
    let found = index.nearest(&query, 5, Search::Exact).unwrap();
    assert_eq!(found.len(), 5);
    for (near, (distance, entry)) in found.iter().zip(&expected) {
        assert_eq!(near.entry, *entry);
        assert!((near.distance - distance).abs() < 1e-5);
    }
    assert_eq!(
        index.nearest(&query, 1000, Search::Exact).unwrap().len(),
        300
    );
}

#[test]
fn the_graph_finds_nearly_all_that_is_near() {
    let (count, width) = (3000, 24);
    let vectors = clustered(count, width, 2);
    let queries = clustered(100, width, 3);
    for metric in [Metric::Cosine, Metric::Euclidean] {
        let index = index(&vectors, count, metric, Some(GraphConfig::USUAL));
        let exact = index.nearest_each(&queries, 10, Search::Exact).unwrap();
        let walked = index
            .nearest_each(&queries, 10, Search::Graph { ef: 64 })
            .unwrap();
        let mut hits = 0;
        for (exact, walked) in exact.iter().zip(&walked) {
            hits += exact.iter().filter(|near| walked.contains(near)).count();
        }
        assert!(hits >= 970, "{metric:?}: {hits} of 1000");
    }
}

#[test]
fn entries_with_one_vector_are_all_found() {
    let mut vectors = clustered(400, 8, 4);
    // Two hundred copies, more than a node can link to.
    for copy in 100..300 {
        vectors.copy_within(0..8, copy * 8);
    }
    let index = index(&vectors, 400, Metric::Cosine, Some(GraphConfig::USUAL));
    assert_eq!((index.len(), index.num_distinct()), (400, 200));
    for search in [Search::Exact, Search::Graph { ef: 32 }] {
        let found = index.nearest(&vectors[..8], 202, search).unwrap();
        let entries: Vec<usize> = found.iter().map(|near| near.entry).collect();
        assert_eq!(entries[0], 0);
        assert!(entries[1..201].iter().copied().eq(100..300));
    }
}

#[test]
fn the_same_vectors_give_the_same_file() {
    let vectors = clustered(500, 16, 5);
    let build = || index(&vectors, 500, Metric::Cosine, Some(GraphConfig::USUAL));
    let (first, second) = (build(), build());
    assert_eq!(bytes(&first), bytes(&second));
    let read = Index::read(&mut bytes(&first).as_slice()).unwrap();
    assert_eq!(read, first);
    assert_eq!(read.origin().model, "noise");
    assert_eq!(read.label(7).input, "C7");
}

#[test]
fn every_damage_is_an_error() {
    let vectors = clustered(60, 4, 6);
    let graph = GraphConfig {
        degree: 4,
        ef_construction: 8,
    };
    let file = bytes(&index(&vectors, 60, Metric::Cosine, Some(graph)));
    for length in 0..file.len() {
        let error = Index::read(&mut &file[..length]).unwrap_err();
        assert!(matches!(error, SearchError::File(_)), "{length}: {error}");
    }
    assert!(Index::read(&mut [&file[..], b"more"].concat().as_slice()).is_err());
    for place in 0..file.len() {
        for flip in [1, 0x80] {
            let mut damaged = file.clone();
            damaged[place] ^= flip;
            assert!(Index::read(&mut damaged.as_slice()).is_err(), "{place}");
        }
    }
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let config = IndexConfig {
        metric: Metric::Cosine,
        graph: None,
    };
    let build = |vectors: &[f32], count: usize| {
        Index::build(
            vectors,
            labels(count),
            config,
            Origin::default(),
            &mut |_| (),
        )
    };
    assert!(matches!(build(&[], 0), Err(SearchError::Empty)));
    assert!(matches!(
        build(&[1.0, 2.0, 3.0], 2),
        Err(SearchError::Shape { .. })
    ));
    assert!(matches!(
        build(&[1.0, 0.0, 0.0, 0.0], 2),
        Err(SearchError::Zero { vector: 1 })
    ));
    assert!(matches!(
        build(&[1.0, f32::NAN], 1),
        Err(SearchError::NotFinite { column: 1, .. })
    ));
    let index = build(&[1.0, 0.0, 0.0, 1.0], 2).unwrap();
    let ask = |query: &[f32], search| index.nearest(query, 1, search);
    assert!(matches!(
        ask(&[1.0], Search::Exact),
        Err(SearchError::Width { .. })
    ));
    assert!(matches!(
        ask(&[1.0, 1.0], Search::Graph { ef: 8 }),
        Err(SearchError::NoGraph)
    ));
    assert!(matches!(
        index.nearest_each(&[1.0, 1.0, 0.0, 0.0], 1, Search::Exact),
        Err(SearchError::Zero { vector: 1 })
    ));
}

#[test]
fn what_is_written_can_be_read() {
    let of_name = |length: usize| {
        let label = Label {
            name: "x".repeat(length),
            ..Label::default()
        };
        let config = IndexConfig {
            metric: Metric::Euclidean,
            graph: None,
        };
        Index::build(&[1.0], vec![label], config, Origin::default(), &mut |_| ()).unwrap()
    };
    let long = of_name(64 << 20);
    assert_eq!(Index::read(&mut &bytes(&long)[..]).unwrap(), long);
    let fault = of_name((64 << 20) + 1).write(&mut Vec::new()).unwrap_err();
    assert!(fault.to_string().contains("67108865 bytes"), "{fault}");
}
