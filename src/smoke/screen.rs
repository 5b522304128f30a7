//! Turns the picture that QEMU gives (binary PPM) into a PNG.

use std::io::BufWriter;
use std::path::Path;

use crate::error::{Context, Error, Kind, Result};
use crate::file;

/// No console is larger, in pixels a side; a guest chooses the size.
const LARGEST_SIDE: u32 = 8192;

/// Converts `ppm` to `png`.
pub fn convert(ppm: &Path, png: &Path) -> Result<()> {
    let bytes = std::fs::read(ppm).at("cannot read the screen", ppm)?;
    let picture = parse(&bytes).map_err(|e| e.at(ppm))?;
    let file = file::make(png).at("cannot create", png)?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let failed = |e| Error::new(Kind::Io, "cannot write the picture").at(png).because(e);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(picture.pixels).map_err(failed)?;
    writer.finish().map_err(failed)
}

pub(crate) struct Picture<'a> {
    pub width: u32,
    pub height: u32,
    /// Three bytes a pixel.
    pub pixels: &'a [u8],
}

/// Reads `P6 <width> <height> 255` and the pixels (netpbm's ppm(5), without comments, as QEMU writes it).
pub(crate) fn parse(bytes: &[u8]) -> Result<Picture<'_>> {
    let wrong = || Error::new(Kind::Damaged, "the screen is not a picture that QEMU writes");
    let mut rest = bytes;
    let mut field = || {
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        let (text, tail) = rest.split_at(end);
        rest = &tail[1..];
        std::str::from_utf8(text).ok()
    };
    if field() != Some("P6") {
        return Err(wrong());
    }
    let mut number = || field().and_then(|text| text.parse::<u32>().ok()).ok_or_else(wrong);
    let (width, height, depth) = (number()?, number()?, number()?);
    let sides = 1..=LARGEST_SIDE;
    if depth != 255 || !sides.contains(&width) || !sides.contains(&height) {
        return Err(wrong());
    }
    let length = 3 * width as usize * height as usize;
    if rest.len() < length {
        return Err(wrong());
    }
    Ok(Picture { width, height, pixels: &rest[..length] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_becomes_a_png_with_the_same_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let (ppm, png) = (folder.path().join("a.ppm"), folder.path().join("a.png"));
        std::fs::write(&ppm, b"P6\n2 1\n255\nabcdef").unwrap();
        convert(&ppm, &png).unwrap();
        let decoder =
            png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&png).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, b"abcdef");
    }

    #[test]
    fn a_picture_that_lies_about_its_size_is_refused() {
        for text in [
            "",
            "P5 1 1 255 aaa",
            "P6 9 9 255 aaa",
            "P6 99999 1 255 a",
            "P6 0 1 255 ",
            "P6 1 1 99 aaa",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
