//! How many channels each layer has, and which of these numbers must be the same because layers
//! are added to one another or work channel by channel.

use serde::{Deserialize, Serialize};

use super::{Variant, table};

/// Channels of every layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widths {
    /// Out of the first convolution.
    pub stem: usize,
    /// Of each block.
    pub blocks: Vec<BlockWidths>,
    /// Out of the last convolution.
    pub last: usize,
    /// Between the classifier's two layers; none where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
}

/// Channels of one inverted residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockWidths {
    /// Of the depthwise convolution.
    pub expanded: usize,
    /// Between squeeze-and-excite's two layers, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squeezed: Option<usize>,
    /// Out.
    pub output: usize,
}

/// One number of [`Widths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Stem,
    Expanded(usize),
    Squeezed(usize),
    Output(usize),
    Last,
    Hidden,
}

/// A number of channels that can be chosen: all places that must have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension(Vec<Place>);

impl Widths {
    /// The published ones.
    pub fn published(variant: Variant) -> Self {
        let block = |row: table::Row| BlockWidths {
            expanded: row.expanded,
            squeezed: row.squeeze.then(|| squeezed(row.expanded)),
            output: row.output,
        };
        let ends = table::ends(variant);
        Self {
            stem: ends.stem,
            blocks: table::rows(variant).into_iter().map(block).collect(),
            last: ends.last,
            hidden: ends.hidden,
        }
    }

    /// Those of a network whose tensors have the shapes that `shape` gives by torchvision's names.
    /// None when one is missing, or when layers that are added to one another differ.
    pub fn of<'a>(variant: Variant, shape: impl Fn(&str) -> Option<&'a [usize]>) -> Option<Self> {
        let outputs = |name: String| shape(&name)?.first().copied();
        let rows = table::rows(variant);
        let block = |(index, row): (usize, &table::Row)| {
            let prefix = format!("features.{}.block", index + 1);
            let depthwise = usize::from(row.expands);
            let project = depthwise + 1 + usize::from(row.squeeze);
            let squeezed = match row.squeeze {
                true => Some(outputs(format!("{prefix}.{}.fc1.weight", depthwise + 1))?),
                false => None,
            };
            Some(BlockWidths {
                expanded: outputs(format!("{prefix}.{depthwise}.0.weight"))?,
                squeezed,
                output: outputs(format!("{prefix}.{project}.0.weight"))?,
            })
        };
        let widths = Self {
            stem: outputs("features.0.0.weight".into())?,
            blocks: rows.iter().enumerate().map(block).collect::<Option<_>>()?,
            last: outputs(format!("features.{}.0.weight", rows.len() + 1))?,
            hidden: match table::ends(variant).hidden {
                Some(_) => Some(outputs("classifier.0.weight".into())?),
                None => None,
            },
        };
        let fits = |dimension: &Dimension| {
            let channels = widths.get(dimension);
            channels > 0 && widths.set(dimension, channels) == widths
        };
        Self::dimensions(variant).iter().all(fits).then_some(widths)
    }

    /// What can be chosen: every number, those that must be the same together.
    pub fn dimensions(variant: Variant) -> Vec<Dimension> {
        let mut dimensions = vec![Dimension(vec![Place::Stem])];
        let mut input = 0;
        let join = |dimensions: &mut Vec<Dimension>, at: Option<usize>, place| match at {
            Some(at) => {
                dimensions[at].0.push(place);
                at
            }
            None => {
                dimensions.push(Dimension(vec![place]));
                dimensions.len() - 1
            }
        };
        for (index, row) in table::rows(variant).iter().enumerate() {
            let same = (!row.expands).then_some(input);
            join(&mut dimensions, same, Place::Expanded(index));
            if row.squeeze {
                join(&mut dimensions, None, Place::Squeezed(index));
            }
            let same = row.residual.then_some(input);
            input = join(&mut dimensions, same, Place::Output(index));
        }
        let hidden = table::ends(variant).hidden.map(|_| Place::Hidden);
        let ends = std::iter::once(Place::Last).chain(hidden);
        dimensions.extend(ends.map(|place| Dimension(vec![place])));
        dimensions
    }

    /// The number of channels along `dimension`.
    pub fn get(&self, dimension: &Dimension) -> usize {
        dimension.0.first().map_or(0, |place| match *place {
            Place::Stem => self.stem,
            Place::Expanded(block) => self.blocks[block].expanded,
            Place::Squeezed(block) => self.blocks[block].squeezed.unwrap_or(0),
            Place::Output(block) => self.blocks[block].output,
            Place::Last => self.last,
            Place::Hidden => self.hidden.unwrap_or(0),
        })
    }

    /// The same with another number of channels along `dimension`.
    pub fn set(&self, dimension: &Dimension, channels: usize) -> Self {
        let mut widths = self.clone();
        for place in &dimension.0 {
            match *place {
                Place::Stem => widths.stem = channels,
                Place::Expanded(block) => widths.blocks[block].expanded = channels,
                Place::Squeezed(block) => widths.blocks[block].squeezed = Some(channels),
                Place::Output(block) => widths.blocks[block].output = channels,
                Place::Last => widths.last = channels,
                Place::Hidden => widths.hidden = Some(channels),
            }
        }
        widths
    }

    /// The same with fewer channels along `dimension`, and squeeze-and-excite of channels that went
    /// narrowed as well.
    #[cfg(test)]
    pub fn narrowed(&self, dimension: &Dimension, channels: usize) -> Self {
        let cut = self.set(dimension, channels);
        let oversized = cut.oversized();
        let fit = oversized.iter();
        fit.fold(cut, |widths, (dimension, fit)| widths.set(dimension, *fit))
    }

    /// For each squeeze-and-excite with more than the published share of the channels that it
    /// squeezes: its dimension, and how many that share is.
    pub fn oversized(&self) -> Vec<(Dimension, usize)> {
        let blocks = self.blocks.iter().enumerate();
        let oversized = blocks.filter_map(|(index, block)| {
            let fit = squeezed(block.expanded);
            (block.squeezed? > fit).then(|| (Dimension(vec![Place::Squeezed(index)]), fit))
        });
        oversized.collect()
    }
}

impl Dimension {
    /// Whether it is squeeze-and-excite's.
    pub fn is_squeeze(&self) -> bool {
        matches!(self.0[..], [Place::Squeezed(_)])
    }

    /// How reports call it, such as `features.9 expanded`.
    pub fn name(&self) -> String {
        let place = |place: &Place| match place {
            Place::Stem => "features.0".into(),
            Place::Expanded(block) => format!("features.{} expanded", block + 1),
            Place::Squeezed(block) => format!("features.{} squeezed", block + 1),
            Place::Output(block) => format!("features.{} output", block + 1),
            Place::Last => "last convolution".into(),
            Place::Hidden => "classifier".into(),
        };
        match self.0.as_slice() {
            [first, .., last] => format!("{} to {}", place(first), place(last)),
            [one] => place(one),
            [] => String::new(),
        }
    }
}

/// A quarter, in eights.
fn squeezed(expanded: usize) -> usize {
    table::eights(expanded, 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    #[test]
    fn shapes_tell_the_widths() {
        for variant in Variant::ALL {
            let published = Widths::published(variant);
            let dimensions = Widths::dimensions(variant);
            let other = dimensions
                .iter()
                .zip(1..)
                .fold(published, |widths, (dimension, n)| {
                    widths.set(dimension, widths.get(dimension) + 8 * n)
                });
            let tensors = Arch::with(variant, 5, &other).tensors();
            let shape = |name: &str| {
                let found = tensors.iter().find(|(own, _)| own == name)?;
                Some(found.1.as_slice())
            };
            assert_eq!(Widths::of(variant, shape).unwrap(), other);
            assert_eq!(Widths::of(variant, |_| None), None);
            let torn = |name: &str| match name {
                "features.3.block.2.0.weight" => Some([1].as_slice()),
                name => shape(name),
            };
            assert_eq!(
                Widths::of(variant, torn),
                None,
                "a sum of 1 channel and others"
            );
        }
    }

    #[test]
    fn what_is_added_has_the_same_width() {
        let names = |variant| -> Vec<String> {
            let dimensions = Widths::dimensions(variant);
            let joined = dimensions.iter().filter(|dimension| dimension.0.len() > 1);
            joined.map(Dimension::name).collect()
        };
        assert_eq!(
            names(Variant::Small),
            [
                "features.0 to features.1 expanded",
                "features.2 output to features.3 output",
                "features.4 output to features.6 output",
                "features.7 output to features.8 output",
                "features.9 output to features.11 output",
            ]
        );
        assert_eq!(names(Variant::Large)[0], "features.0 to features.1 output");
    }
}
