//! Exposure, gain, white balance, focus and any other control: set as asked, read back, and
//! every difference told in one line. A control that is refused never stops the camera.

use serde::Serialize;

use super::config::{CameraConfig, Setting};
use super::kernel::{Node, Plain, sys, text, vidioc};

/// Most controls read; see the list of formats.
const MOST: usize = 256;

/// The kernel counts exposure in steps of 100 microseconds.
const EXPOSURE_STEP_US: i32 = 100;

/// One control of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    #[serde(skip)]
    id: u32,
    /// As the config names it.
    pub name: String,
    /// Least value.
    pub minimum: i32,
    /// Largest value.
    pub maximum: i32,
    /// The value that the camera starts with.
    pub default: i32,
}

/// Every control that takes a number.
pub fn list(node: &Node) -> Vec<Control> {
    let mut found = Vec::new();
    let mut id = 0;
    while found.len() < MOST {
        let mut told = sys::v4l2_queryctrl::zeroed();
        told.id = id | sys::V4L2_CTRL_FLAG_NEXT_CTRL;
        // Ids rise; a driver that goes back would be asked for ever.
        if node.request(vidioc::VIDIOC_QUERYCTRL, &mut told).is_err() || told.id <= id {
            break;
        }
        id = told.id;
        let numbers = [
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER,
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN,
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU,
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU,
        ];
        let fixed = sys::V4L2_CTRL_FLAG_DISABLED | sys::V4L2_CTRL_FLAG_READ_ONLY;
        if numbers.contains(&told.type_) && told.flags & fixed == 0 {
            found.push(Control {
                id,
                name: key(&text(&told.name)),
                minimum: told.minimum,
                maximum: told.maximum,
                default: told.default_value,
            });
        }
    }
    found
}

/// A control's name as a key: small letters and digits, an underscore for anything else.
fn key(name: &str) -> String {
    let letters = |c: char| c.is_ascii_alphanumeric();
    let words = name.split(|c| !letters(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// Sets what the config asks for; one line for each thing that came out otherwise.
pub fn apply(node: &Node, config: &CameraConfig) -> Vec<String> {
    let mut desk = Desk {
        node,
        controls: list(node),
        notes: Vec::new(),
    };
    let off = |setting| i32::from(setting == Setting::Auto);
    if let Some(setting) = config.exposure_us {
        match setting {
            // Of the two automatic modes webcams have the one that leaves the aperture alone.
            Setting::Auto => {
                let modes = [
                    sys::v4l2_exposure_auto_type_V4L2_EXPOSURE_APERTURE_PRIORITY,
                    sys::v4l2_exposure_auto_type_V4L2_EXPOSURE_AUTO,
                ];
                desk.first_of("exposure_us", sys::V4L2_CID_EXPOSURE_AUTO, modes);
            }
            Setting::Fixed(us) => {
                let manual = sys::v4l2_exposure_auto_type_V4L2_EXPOSURE_MANUAL as i32;
                desk.lock("exposure_us", sys::V4L2_CID_EXPOSURE_AUTO, manual);
                desk.set(
                    "exposure_us",
                    sys::V4L2_CID_EXPOSURE_ABSOLUTE,
                    us,
                    EXPOSURE_STEP_US,
                );
            }
        }
    }
    for (name, setting, auto, manual) in [
        (
            "gain",
            config.gain,
            sys::V4L2_CID_AUTOGAIN,
            sys::V4L2_CID_GAIN,
        ),
        (
            "white_balance_k",
            config.white_balance_k,
            sys::V4L2_CID_AUTO_WHITE_BALANCE,
            sys::V4L2_CID_WHITE_BALANCE_TEMPERATURE,
        ),
        (
            "focus",
            config.focus,
            sys::V4L2_CID_FOCUS_AUTO,
            sys::V4L2_CID_FOCUS_ABSOLUTE,
        ),
    ] {
        match setting {
            Some(Setting::Auto) => desk.set(name, auto, off(Setting::Auto), 1),
            Some(Setting::Fixed(value)) => {
                desk.lock(name, auto, 0);
                desk.set(name, manual, value, 1);
            }
            None => {}
        }
    }
    for (name, value) in &config.controls {
        let place = format!("controls.{name}");
        match desk.controls.iter().find(|control| control.name == *name) {
            Some(control) => {
                let id = control.id;
                desk.set(&place, id, *value, 1);
            }
            None => desk.missing(&place),
        }
    }
    desk.notes
}

struct Desk<'a> {
    node: &'a Node,
    controls: Vec<Control>,
    notes: Vec<String>,
}

impl Desk<'_> {
    /// Sets `value`, given in `step`s of the control, and tells what came out otherwise.
    fn set(&mut self, name: &str, id: u32, value: i32, step: i32) {
        let Some(control) = self.controls.iter().find(|control| control.id == id) else {
            return self.missing(name);
        };
        let (least, most) = (control.minimum, control.maximum);
        let steps = (value / step).max(i32::from(value > 0));
        match self.try_set(id, steps) {
            Ok(set) if set == steps => {}
            Ok(set) => {
                let set = set.saturating_mul(step);
                self.notes.push(format!(
                    "source.{name} = {value} became {set} in the camera"
                ));
            }
            Err(error) => {
                let (least, most) = (least.saturating_mul(step), most.saturating_mul(step));
                self.notes.push(format!(
                    "source.{name} = {value} was refused by the camera ({error}); it takes {least} to {most}"
                ));
            }
        }
    }

    /// Switches an automatic off. Not every camera has it, and then there is nothing to do.
    fn lock(&mut self, name: &str, id: u32, manual: i32) {
        let is_there = self.controls.iter().any(|control| control.id == id);
        if is_there && self.try_set(id, manual).ok() != Some(manual) {
            let line = format!("source.{name}: the camera does not switch its automatic off");
            self.notes.push(line);
        }
    }

    fn first_of(&mut self, name: &str, id: u32, values: [u32; 2]) {
        if self.controls.iter().all(|control| control.id != id) {
            return self.missing(name);
        }
        if !values
            .iter()
            .any(|value| self.try_set(id, *value as i32).is_ok())
        {
            self.notes.push(format!(
                "source.{name} = \"auto\" was refused by the camera"
            ));
        }
    }

    /// Sets a control; the value that the camera then has.
    fn try_set(&self, id: u32, value: i32) -> std::io::Result<i32> {
        let mut control = sys::v4l2_control { id, value };
        self.node.request(vidioc::VIDIOC_S_CTRL, &mut control)?;
        self.node.request(vidioc::VIDIOC_G_CTRL, &mut control)?;
        Ok(control.value)
    }

    fn missing(&mut self, name: &str) {
        let names: Vec<&str> = self.controls.iter().map(|c| c.name.as_str()).collect();
        let has = if names.is_empty() {
            "no controls".to_string()
        } else {
            names.join(", ")
        };
        self.notes
            .push(format!("source.{name} is left out: the camera has {has}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_keys() {
        for (name, expected) in [
            ("Exposure Time, Absolute", "exposure_time_absolute"),
            ("White Balance, Automatic", "white_balance_automatic"),
            ("Power Line Frequency", "power_line_frequency"),
            ("  50 Hz?!", "50_hz"),
        ] {
            assert_eq!(key(name), expected);
        }
    }
}
