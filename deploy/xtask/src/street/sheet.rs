//! The contact sheet: one crop for each event with what was told, as a page that shows parts of
//! the frames themselves; and the same as rows to be judged. Text only.

use super::judge::{Matched, best};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// Room around a vehicle, as a share of its sides, and the size of a crop, pixels.
const ROOM: f64 = 0.15;
const CROP_PX: f64 = 150.0;

/// What was told of each event, with a place for a human's judgement.
pub fn rows(events: &[Value], matched: &Matched) -> Vec<Value> {
    let told = events.iter().zip(&matched.vehicle_of).enumerate();
    told.map(|(number, (event, vehicle))| {
        json!({
            "event": number + 1,
            "frame": event["best_frame"],
            "told": event["colour"],
            "score": event["score"],
            "vehicle_by_detector": vehicle.is_some(),
            "judged": null,
        })
    })
    .collect()
}

/// The page. `names` are the frames' file names.
pub fn html(events: &[Value], matched: &Matched, names: &[String], frames: &Path) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Street</title>\n\
         <style>body{font:12px sans-serif;background:#eee;margin:4px}\
         figure{display:inline-block;margin:3px;width:152px;vertical-align:top}\
         div{width:150px;height:110px;overflow:hidden;position:relative;background:#999}\
         img{position:absolute;transform-origin:0 0}i{color:#b00}</style>\n",
    );
    for (number, (event, vehicle)) in events.iter().zip(&matched.vehicle_of).enumerate() {
        let Some((frame, [left, top, right, bottom])) = best(event) else {
            continue;
        };
        let name = names.get(frame as usize).map_or("", String::as_str);
        let (wide, high) = (right - left, bottom - top);
        let (x, y) = (left - ROOM * wide, top - ROOM * high);
        let room = 1.0 + 2.0 * ROOM;
        let scale = (CROP_PX / (wide * room)).min(CROP_PX * 0.73 / (high * room));
        let source = frames.join(name);
        let alone = if vehicle.is_none() { " <i>?</i>" } else { "" };
        let _ = writeln!(
            page,
            "<figure><div><img src=\"file://{}\" style=\"transform:scale({scale:.3}) \
             translate({:.0}px,{:.0}px)\"></div>{} {} {:.2}{alone}</figure>",
            source.display(),
            -x,
            -y,
            number + 1,
            event["colour"].as_str().unwrap_or("?"),
            event["score"].as_f64().unwrap_or(0.0),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::street::judge::compare;

    #[test]
    fn each_event_has_its_crop() {
        let place = json!({"x": 10, "y": 20, "width": 100, "height": 50});
        let event = json!({"best_frame": 1, "box": place, "colour": "red", "score": 0.913});
        let events = [event];
        let matched = compare(&events, &[]);
        let names = ["a.jpg".to_string(), "b.jpg".to_string()];
        let page = html(&events, &matched, &names, Path::new("/frames"));
        assert!(page.contains("file:///frames/b.jpg"), "{page}");
        assert!(page.contains("1 red 0.91 <i>?</i>"), "{page}");
        assert_eq!(rows(&events, &matched)[0]["told"], "red");
    }
}
