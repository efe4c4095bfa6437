//! Whether what the config says of places fits the source's pictures, whose size is known only
//! once a frame is there. Keys and numbers only.

use models::Rect;

use super::{BadValue, Config, Mode};
use crate::polygon;

/// Least width and height of the part of a place that the picture shows.
const LEAST_PX: u32 = 16;

impl Config {
    /// Refuses places that pictures of this size do not show: nothing would ever be told there.
    pub fn check_picture(&self, width_px: u32, height_px: u32) -> Result<(), BadValue> {
        let whole = Rect {
            x: 0,
            y: 0,
            width: width_px,
            height: height_px,
        };
        let outside = |key: String| {
            let problem = format!(
                "lies outside the picture, which is {width_px} x {height_px} pixels; correct it \
                 or the size that the source gives"
            );
            Err(BadValue::new(key, problem))
        };
        let cell_px = self.gate.cell_px;
        if self.mode == Mode::Road && width_px.min(height_px) < cell_px {
            let problem = format!(
                "= {cell_px} is more than a side of the picture, which is {width_px} x {height_px} \
                 pixels; lower it or correct the size that the source gives"
            );
            return Err(BadValue::new("gate.cell_px", problem));
        }
        if let (Mode::Roi, Some(place)) = (self.mode, &self.roi.rect_px) {
            let shown = place.intersection(&whole);
            if shown.is_none_or(|part| part.width.min(part.height) < LEAST_PX) {
                return outside("roi.rect_px".into());
            }
        }
        let meets = |corners: &[[f32; 2]]| polygon::meets(corners, width_px, height_px);
        if self.mode == Mode::Road && self.gate.region_px.len() > 2 && !meets(&self.gate.region_px)
        {
            return outside("gate.region_px".into());
        }
        match self.lanes.iter().find(|lane| !meets(&lane.polygon_px)) {
            Some(lane) => outside(format!("lane {}: polygon_px", lane.number)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn told(text: &str) -> Result<(), String> {
        let config = Config::parse(text, Path::new("agent.toml")).unwrap();
        config
            .check_picture(640, 360)
            .map_err(|bad| bad.to_string())
    }

    #[test]
    fn what_the_picture_does_not_show_is_refused() {
        let lane = |left: u32| {
            let right = left + 200;
            format!(
                "[[lane]]\nnumber = 2\npolygon_px = [[{left}, 9], [{right}, 9], [{right}, 90]]\n"
            )
        };
        let roi = |x: u32| {
            format!(
                "mode = \"roi\"\n[roi]\nrect_px = {{ x = {x}, y = 9, width = 90, height = 90 }}\n"
            )
        };
        let beyond = "lies outside the picture, which is 640 x 360 pixels; correct it or the \
                      size that the source gives";
        let refused = |key: &str| Err(format!("{key} {beyond}"));
        assert_eq!(told(&lane(100)), Ok(()));
        assert_eq!(told(&lane(500)), Ok(()));
        assert_eq!(told(&lane(700)), refused("lane 2: polygon_px"));
        assert_eq!(told(&roi(600)), Ok(()));
        assert_eq!(told(&roi(630)), refused("roi.rect_px"));
        assert_eq!(told(&roi(900)), refused("roi.rect_px"));
        let region = "[gate]\nregion_px = [[700, 0], [800, 0], [800, 90]]\n";
        assert_eq!(told(region), refused("gate.region_px"));
        assert_eq!(told(&format!("{}{region}", roi(9))), Ok(()));
    }

    #[test]
    fn a_picture_smaller_than_a_cell_is_refused() {
        let told = |text: &str, width_px, height_px| {
            let config = Config::parse(text, Path::new("agent.toml")).unwrap();
            let checked = config.check_picture(width_px, height_px);
            checked.map_err(|bad| bad.to_string())
        };
        let coarse = "[gate]\ncell_px = 64\n";
        assert_eq!(told(coarse, 64, 64), Ok(()));
        let problem = "gate.cell_px = 64 is more than a side of the picture, which is 64 x 48 \
                       pixels; lower it or correct the size that the source gives";
        assert_eq!(told(coarse, 64, 48), Err(problem.to_string()));
        assert_eq!(told("", 64, 4), Ok(()));
        assert!(told("", 2, 2).is_err());
        // There is no gate where a single place is watched.
        let place = "mode = \"roi\"\n[roi]\nrect_px = { x = 0, y = 0, width = 60, height = 40 }\n";
        assert_eq!(told(&format!("{place}{coarse}"), 64, 48), Ok(()));
    }
}
