//! The interpreter: its tensors, what it takes over, parts of it, its statistics.

use super::*;
use crate::arch::Variant;
use crate::quantise;

#[test]
fn has_exactly_the_tables_tensors() {
    for variant in Variant::ALL {
        let arch = Arch::new(variant, 7);
        let weights = Net::new(&arch, Device::Cpu).weights();
        let mut expected = arch.tensors();
        expected.sort();
        let found: Vec<_> = weights
            .into_iter()
            .map(|(name, array)| (name, array.shape))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn takes_weights_over_and_replaces_only_the_head() {
    let thousand = Net::new(&Arch::new(Variant::Small, 1000), Device::Cpu).weights();
    let mut net = Net::new(&Arch::new(Variant::Small, 5), Device::Cpu);
    assert!(net.load(&thousand, "test").unwrap());
    let weights = net.weights();
    assert_eq!(
        weights["features.0.0.weight"],
        thousand["features.0.0.weight"]
    );
    assert_eq!(weights["classifier.0.bias"], thousand["classifier.0.bias"]);
    assert_eq!(weights["classifier.3.bias"].shape, [5]);
}

#[test]
fn says_what_does_not_fit() {
    let small = Net::new(&Arch::new(Variant::Small, 5), Device::Cpu).weights();
    let mut large = Net::new(&Arch::new(Variant::Large, 5), Device::Cpu);
    let text = large.load(&small, "w.safetensors").unwrap_err().to_string();
    assert!(text.starts_with("w.safetensors"), "{text}");
    assert!(text.contains("mobilenet_v3_large"), "{text}");
}

#[test]
fn front_and_back_are_the_whole_at_every_module() {
    for variant in [Variant::Small, Variant::Large, Variant::EfficientNetLite0] {
        let net = Net::on_processor(&Arch::new(variant, 5));
        let input = Tensor::randn([2, 3, 64, 64], (Kind::Float, Device::Cpu));
        let before = net.weights();
        let whole = values(&net.forward(&input, false).unwrap());
        for module in 0..=net.feature_modules() {
            let front = net.front(&input, module).unwrap();
            let logits = values(&net.back(&front, module, false).unwrap());
            assert_eq!(logits, whole, "{variant:?}, module {module}");
            let _ = net.back(&front, module, true).unwrap();
        }
        assert_eq!(net.weights(), before, "statistics moved");
    }
}

#[test]
fn normalisations_get_statistics_and_the_answer_stays() {
    let arch = Arch::new(Variant::Small, 5);
    let folded = quantise::fold(&arch, &Net::on_processor(&arch).weights());
    let mut net = Net::on_processor(&arch);
    net.load_all(&quantise::unfold(&arch, &folded).unwrap(), "folded")
        .unwrap();
    let input = Tensor::randn([8, 3, 64, 64], (Kind::Float, Device::Cpu));
    let before = net.forward(&input, false).unwrap();
    net.renormalise(&input).unwrap();
    let apart = |other: Tensor| (&before - other).abs().max().double_value(&[]);
    assert!(apart(net.forward(&input, false).unwrap()) < 1e-4);
    // The batch's own statistics are the running ones now, but for the variance's divisor.
    net.set_step(1_000_000);
    let layers = net.first_layer(2);
    let through = |train| net.through(0..layers, &input, train, train).unwrap();
    let (still, moving) = (through(false), through(true));
    let scale = still.abs().max().double_value(&[]);
    assert!((still - moving).abs().max().double_value(&[]) < 0.01 * scale);
}

#[test]
fn freezing_leaves_the_classifier_to_train() {
    let arch = Arch::new(Variant::Small, 10);
    let mut net = Net::new(&arch, Device::Cpu);
    net.train_from(net.feature_modules());
    let trainable = net
        .store()
        .variables()
        .into_values()
        .filter(Tensor::requires_grad);
    let count: usize = trainable.map(|t| t.numel()).sum();
    assert_eq!(count, 601_098);
    let before = net.weights();
    let input = Tensor::randn([2, 3, 64, 64], (Kind::Float, Device::Cpu));
    let _ = net.forward(&input, true).unwrap();
    assert_eq!(
        net.weights(),
        before,
        "a frozen forward pass must not move statistics"
    );
}
