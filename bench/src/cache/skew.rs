//! What was sold in which week.

use crate::random::Random;
use anyhow::Context;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Products of the made-up skew, and its weeks.
pub const PRODUCTS: usize = 92_331;
const WEEKS: usize = 24;
const LINES_A_WEEK: usize = 27_700;
/// Share of products that swap their popularity with another each week.
const RESTLESS: f64 = 0.01;

/// Sales by week.
pub struct Sales {
    /// Where they come from.
    pub source: &'static str,
    /// All products, sold or not: id, and what its name is made of.
    pub products: Vec<(String, String)>,
    /// Of each week, product (index) and order lines.
    pub weeks: Vec<Vec<(u32, u32)>>,
}

impl Sales {
    /// Every order line of a week as one request, in an order without pattern.
    pub fn requests(&self, week: usize) -> Vec<u32> {
        let mut requests: Vec<u32> =
            self.weeks[week].iter().flat_map(|(product, lines)| (0..*lines).map(|_| *product)).collect();
        let random = Random::seeded(week as u64 + 1);
        for at in (1..requests.len()).rev() {
            requests.swap(at, random.below(at as u64 + 1) as usize);
        }
        requests
    }
}

/// Zipf–Mandelbrot with exponent 1.5 and offset 800: of 92,331 products the top 1,000 are 37 % of lines, the top 10,000
/// 80 %, as in the sales of a grocer that it was fitted to.
pub fn draw(number: usize) -> Sales {
    let mut sums = Vec::with_capacity(number);
    let mut sum = 0.0;
    for rank in 0..number {
        sum += (rank as f64 + 800.0).powf(-1.5);
        sums.push(sum);
    }
    let random = Random::seeded(7);
    let mut product_of_rank: Vec<u32> = (0..number as u32).collect();
    let weeks = (0..WEEKS)
        .map(|_| {
            for _ in 0..(number as f64 * RESTLESS) as usize {
                let (a, b) = (random.below(number as u64) as usize, random.below(number as u64) as usize);
                product_of_rank.swap(a, b);
            }
            let mut lines = HashMap::<u32, u32>::new();
            for _ in 0..LINES_A_WEEK {
                let at = random.unit() * sum;
                let rank = sums.partition_point(|bound| *bound < at).min(number - 1);
                *lines.entry(product_of_rank[rank]).or_default() += 1;
            }
            let mut lines: Vec<_> = lines.into_iter().collect();
            lines.sort_unstable();
            lines
        })
        .collect();
    let products = (0..number).map(|id| (format!("P{id:06}"), String::new())).collect();
    Sales { source: "made up", products, weeks }
}

/// Reads the files of a folder.
pub fn read(folder: &Path) -> anyhow::Result<Sales> {
    let path = folder.join("products.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| path.display().to_string())?;
    let (mut products, mut index) = (Vec::new(), HashMap::new());
    for record in reader.records() {
        let record = record?;
        let id = record.get(0).context("products.csv: no id")?.to_owned();
        let words: Vec<&str> = [2, 4, 5, 6, 3].iter().filter_map(|column| record.get(*column)).collect();
        index.insert(id.clone(), products.len() as u32);
        products.push((id, words.join(" ").to_lowercase()));
    }
    let path = folder.join("sales_by_week.csv.gz");
    let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
    let mut weeks: Vec<Vec<(u32, u32)>> = Vec::new();
    for line in csv::Reader::from_reader(text.as_bytes()).into_deserialize::<(usize, String, u32)>() {
        let (week, product, lines) = line?;
        let Some(product) = index.get(&product) else { continue };
        weeks.resize_with(weeks.len().max(week), Vec::new);
        weeks[week - 1].push((*product, lines));
    }
    Ok(Sales { source: "files", products, weeks })
}
