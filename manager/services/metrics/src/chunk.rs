//! Many points of one host or VM in one row.
//!
//! A row a point would cost the database more than the point does. So what was measured over a while is written as columns,
//! one a metric and device: each the bits of its numbers, by the difference from the one before, high bytes first, so that
//! what hardly changes is mostly zeros, and the whole deflated. An idle VM takes almost nothing.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use prost::Message as _;

use crate::series::{Column, Point};

/// Most numbers in a chunk: an hour of the largest host is well below.
const MOST: usize = 1 << 24;

/// Columns over the same times. `None` is a moment at which that column had no value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Chunk {
    pub(crate) times: Vec<i64>,
    pub(crate) columns: Vec<(Column, Vec<Option<Point>>)>,
}

/// How much of a point is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// One sample: its value.
    Value,
    /// Many: how many, their average, least and greatest.
    Spread,
}

impl Detail {
    fn width(self) -> usize {
        match self {
            Self::Value => 1,
            Self::Spread => 4,
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    /// The first time, and from each time to the next.
    #[prost(sint64, repeated, tag = "1")]
    steps: Vec<i64>,
    #[prost(message, repeated, tag = "2")]
    columns: Vec<StoredColumn>,
    /// Numbers a point.
    #[prost(uint32, tag = "3")]
    width: u32,
    #[prost(bytes = "vec", tag = "4")]
    numbers: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredColumn {
    #[prost(uint32, tag = "1")]
    metric: u32,
    #[prost(string, tag = "2")]
    device: String,
}

/// A chunk cannot be read: the file was damaged, or a later release wrote it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is none.
    #[error("a stored chunk of metrics has another form")]
    Form(#[from] prost::DecodeError),
    /// Its numbers are none.
    #[error("the numbers of a stored chunk of metrics cannot be unpacked")]
    Numbers(#[from] std::io::Error),
    /// It says there is more than there can be.
    #[error("a stored chunk of metrics contradicts itself")]
    Size,
}

impl Chunk {
    /// The bytes to be stored.
    pub(crate) fn encode(&self, detail: Detail) -> Vec<u8> {
        let mut last = 0;
        let steps = self.times.iter().map(|time| {
            let step = time - last;
            last = *time;
            step
        });
        let columns = self
            .columns
            .iter()
            .map(|(column, _)| StoredColumn { metric: column.metric, device: column.device.to_string() });
        let stored = Stored {
            steps: steps.collect(),
            columns: columns.collect(),
            width: u32::try_from(detail.width()).unwrap_or(1),
            numbers: self.numbers(detail),
        };
        stored.encode_to_vec()
    }

    fn numbers(&self, detail: Detail) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.columns.len() * self.times.len() * detail.width() * 4);
        for (_, points) in &self.columns {
            for part in 0..detail.width() {
                let mut last = 0;
                let bits: Vec<[u8; 4]> = points
                    .iter()
                    .map(|point| {
                        let bits = point.as_ref().map_or(f32::NAN, |point| number(point, detail, part)).to_bits();
                        let changed = bits ^ last;
                        last = bits;
                        changed.to_be_bytes()
                    })
                    .collect();
                for byte in 0..4 {
                    plain.extend(bits.iter().map(|bytes| bytes[byte]));
                }
            }
        }
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        // Neither can fail: it writes into memory.
        let _ = packed.write_all(&plain);
        packed.finish().unwrap_or_default()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are none.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let stored = Stored::decode(bytes)?;
        let detail = match stored.width {
            1 => Detail::Value,
            4 => Detail::Spread,
            _ => return Err(Unreadable::Size),
        };
        let (rows, width) = (stored.steps.len(), detail.width());
        let numbers = rows.checked_mul(width * stored.columns.len()).filter(|numbers| *numbers <= MOST);
        let size = numbers.ok_or(Unreadable::Size)? * 4;
        let mut plain = vec![0; size];
        DeflateDecoder::new(stored.numbers.as_slice()).read_exact(&mut plain)?;
        let mut time = 0_i64;
        let times = stored.steps.iter().map(|step| {
            time = time.wrapping_add(*step);
            time
        });
        let times = times.collect();
        let part_at = |column: usize, part: usize| &plain[(column * width + part) * rows * 4..][..rows * 4];
        let columns = stored.columns.into_iter().enumerate().map(|(n, column)| {
            let parts: Vec<Vec<f32>> = (0..width).map(|part| unmixed(part_at(n, part), rows)).collect();
            let points = (0..rows).map(|row| point(&parts, row, detail)).collect();
            (Column { metric: column.metric, device: column.device.into() }, points)
        });
        Ok(Self { times, columns: columns.collect() })
    }
}

fn unmixed(bytes: &[u8], rows: usize) -> Vec<f32> {
    let mut last = 0;
    let number = |row: usize| {
        last ^= u32::from_be_bytes([0, 1, 2, 3].map(|byte| bytes[byte * rows + row]));
        f32::from_bits(last)
    };
    (0..rows).map(number).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "seven digits are more than a figure is worth")]
fn number(point: &Point, detail: Detail, part: usize) -> f32 {
    let number = match (detail, part) {
        (Detail::Value, _) | (Detail::Spread, 1) => point.average,
        (Detail::Spread, 0) => point.count,
        (Detail::Spread, 2) => point.least,
        (Detail::Spread, _) => point.greatest,
    };
    number as f32
}

fn point(parts: &[Vec<f32>], row: usize, detail: Detail) -> Option<Point> {
    let number = |part: usize| f64::from(parts[part][row]);
    let point = match detail {
        Detail::Value => Point::sample(number(0)),
        Detail::Spread => Point { count: number(0), average: number(1), least: number(2), greatest: number(3) },
    };
    (!point.average.is_nan()).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let column = |device: &str, points| (Column { metric: 20, device: device.into() }, points);
        let sample = |value| Some(Point::sample(value));
        let chunk = Chunk {
            times: vec![100, 110, 121],
            columns: vec![
                column("vda", vec![sample(0.0), sample(1.5), None]),
                column("vdb", vec![None, sample(-3.25), sample(1e12_f32.into())]),
            ],
        };
        assert_eq!(Chunk::decode(&chunk.encode(Detail::Value)).expect("readable"), chunk);
        let spread = Some(Point { count: 6.0, average: 2.0, least: 1.0, greatest: 4.0 });
        let rolled = Chunk { times: vec![60, 120], columns: vec![column("", vec![spread, None])] };
        assert_eq!(Chunk::decode(&rolled.encode(Detail::Spread)).expect("readable"), rolled);
        assert_eq!(Chunk::decode(&Chunk::default().encode(Detail::Value)).expect("readable"), Chunk::default());
    }

    #[test]
    fn damage_is_an_error_and_costs_no_memory() {
        let column = (Column { metric: 1, device: "".into() }, vec![Some(Point::sample(1.0)); 9]);
        let good = Chunk { times: (0..9).collect(), columns: vec![column] }.encode(Detail::Value);
        for end in 1..good.len() {
            assert!(Chunk::decode(&good[..end]).is_err(), "cut at {end}");
        }
        let bomb = Stored {
            steps: vec![0; 100_000],
            columns: vec![StoredColumn::default(); 100_000],
            width: 4,
            numbers: vec![],
        };
        assert!(matches!(Chunk::decode(&bomb.encode_to_vec()), Err(Unreadable::Size)));
    }
}
