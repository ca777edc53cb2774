//! A canvas of RGB pixels: filled shapes with smooth edges.
//!
//! It is a band of a picture, from one line of pixels to another: shapes are given in the whole picture's places, and only
//! their parts in the band are painted. Each has a coverage mask of its own, no larger than that part.

use ab_glyph_rasterizer::{Point, Rasterizer, point};

use super::theme::Rgb;
use crate::chart::font::{EM, Segment, Shape, Weight, shapes};

/// A hollow box, in ems: its distance from the beginning, its width, its height, its line.
const BOX: [f32; 4] = [0.05, 0.44, 0.72, 0.04];

pub(super) struct Canvas {
    pub width: usize,
    /// The place of the first line in the picture.
    top: usize,
    height: usize,
    pub pixels: Vec<Rgb>,
}

/// The contours of a shape, drawn as one.
#[derive(Default)]
struct Path {
    contours: Vec<Vec<[f32; 2]>>,
}

impl Canvas {
    /// The band of the lines `top` to `bottom`.
    pub fn new(width: usize, top: usize, bottom: usize, paper: Rgb) -> Canvas {
        let height = bottom - top;
        Canvas { width, top, height, pixels: vec![paper; width * height] }
    }

    /// Whether nothing between these heights is in the band.
    fn misses(&self, from: f32, to: f32) -> bool {
        to < self.top as f32 || from > (self.top + self.height) as f32
    }

    /// A filled polygon.
    pub fn area(&mut self, points: &[[f32; 2]], color: Rgb, alpha: u8) {
        self.fill(&Path { contours: vec![points.to_vec()] }, color, alpha);
    }

    /// A rectangle with round corners.
    pub fn rect(&mut self, [x, y, width, height]: [f32; 4], radius: f32, color: Rgb, alpha: u8) {
        let radius = radius.min(width / 2.0).min(height / 2.0);
        let (right, bottom) = (x + width, y + height);
        let mut points = Vec::new();
        let corners = [
            ([x, y + radius], [x, y], [x + radius, y]),
            ([right - radius, y], [right, y], [right, y + radius]),
            ([right, bottom - radius], [right, bottom], [right - radius, bottom]),
            ([x + radius, bottom], [x, bottom], [x, bottom - radius]),
        ];
        for (from, corner, to) in corners {
            // A quarter of a circle as a cubic curve: its controls are at 0.55 of the way.
            let control = |end: [f32; 2]| [0, 1].map(|axis| end[axis] + (corner[axis] - end[axis]) * 0.552);
            points.push(from);
            curve(&mut points, [from, control(from), control(to), to]);
        }
        self.area(&points, color, alpha);
    }

    /// A line through all points.
    pub fn line(&mut self, points: &[[f32; 2]], width: f32, color: Rgb) {
        let heights = || points.iter().map(|point| point[1]);
        if self.misses(heights().fold(f32::MAX, f32::min) - width, heights().fold(f32::MIN, f32::max) + width) {
            return;
        }
        let mut path = Path::default();
        for pair in points.windows(2) {
            let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
            let length = ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)).sqrt().max(1e-3);
            let (along_x, along_y) = ((x1 - x0) / length * width / 2.0, (y1 - y0) / length * width / 2.0);
            // A little longer at both ends, so that the joint has no notch.
            let (x0, y0, x1, y1) = (x0 - along_x * 0.5, y0 - along_y * 0.5, x1 + along_x * 0.5, y1 + along_y * 0.5);
            path.contours.push(vec![
                [x0 + along_y, y0 - along_x],
                [x1 + along_y, y1 - along_x],
                [x1 - along_y, y1 + along_x],
                [x0 - along_y, y0 + along_x],
            ]);
        }
        self.fill(&path, color, u8::MAX);
    }

    /// A text on its baseline.
    pub fn text(&mut self, [mut x, y]: [f32; 2], text: &str, size: f32, weight: Weight, color: Rgb) {
        if self.misses(y - size * 1.5, y + size) {
            return;
        }
        for shape in shapes(text, weight) {
            match &shape {
                Shape::Glyph { outline, .. } => {
                    let at = |[dx, dy]: [f32; 2]| [x + dx * size / EM, y + dy * size / EM];
                    let mut path = Path::default();
                    for segment in outline.segments() {
                        let last = path.contours.last_mut();
                        match (segment, last) {
                            (Segment::Start(start), _) => path.contours.push(vec![at(start)]),
                            (Segment::Line(end), Some(contour)) => contour.push(at(end)),
                            (Segment::Curve([one, two, end]), Some(contour)) => {
                                let start = contour[contour.len() - 1];
                                curve(contour, [start, at(one), at(two), at(end)]);
                            }
                            (_, None) => {}
                        }
                    }
                    self.fill(&path, color, u8::MAX);
                }
                Shape::Box => {
                    let [left, width, height, line] = BOX.map(|part| part * size);
                    let (x0, x1, y0) = (x + left, x + left + width, y - height);
                    self.line(&[[x0, y], [x1, y], [x1, y0], [x0, y0], [x0, y]], line.max(1.0), color);
                }
            }
            x += f32::from(shape.advance()) * size / EM;
        }
    }

    fn fill(&mut self, path: &Path, color: Rgb, alpha: u8) {
        let points = || path.contours.iter().flatten();
        let edge = |axis: usize, of: fn(f32, f32) -> f32, from: f32| points().map(|at| at[axis]).fold(from, of);
        let bottom = self.top + self.height;
        let (max_x, min_y, max_y) = (self.width as f32, self.top as f32, bottom as f32);
        let (x0, x1) = (edge(0, f32::min, max_x).max(0.0) as usize, edge(0, f32::max, 0.0).min(max_x) as usize + 1);
        let (y0, y1) = (edge(1, f32::min, max_y).max(min_y) as usize, edge(1, f32::max, 0.0).min(max_y) as usize + 1);
        let (x1, y1) = (x1.min(self.width), y1.min(bottom));
        if x0 >= x1 || y0 >= y1 {
            return;
        }
        let mut mask = Rasterizer::new(x1 - x0, y1 - y0);
        // Above and below the mask the rasterizer cuts edges off, at its sides it does not.
        let local = |[x, y]: [f32; 2]| -> Point { point((x - x0 as f32).clamp(0.0, (x1 - x0) as f32), y - y0 as f32) };
        for contour in &path.contours {
            for index in 0..contour.len() {
                mask.draw_line(local(contour[index]), local(contour[(index + 1) % contour.len()]));
            }
        }
        mask.for_each_pixel_2d(|x, y, coverage| {
            let share = (coverage.abs().min(1.0) * f32::from(alpha)) as u32;
            if share > 0 {
                let pixel = &mut self.pixels[(y0 - self.top + y as usize) * self.width + x0 + x as usize];
                *pixel = pixel.mixed(color, share);
            }
        });
    }
}

/// Adds a cubic curve, as lines.
fn curve(points: &mut Vec<[f32; 2]>, [start, one, two, end]: [[f32; 2]; 4]) {
    const LINES: usize = 6;
    for step in 1..=LINES {
        let t = step as f32 / LINES as f32;
        let rest = 1.0 - t;
        points.push([0, 1].map(|axis| {
            rest * rest * rest * start[axis]
                + 3.0 * rest * rest * t * one[axis]
                + 3.0 * rest * t * t * two[axis]
                + t * t * t * end[axis]
        }));
    }
}
