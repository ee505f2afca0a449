//! How long a message takes between two places, from their distance.

use base::Duration;

/// How much longer the fibre is than the straight line: 1.3 in the median for the shortest ways
/// through the conduits that exist, which is what the backbones between regions follow (Bozkurt
/// et al., "Dissecting Latency in the Internet's Fiber Infrastructure", 2018; the same work gives
/// 2.1 for paths across the public internet). A design's `[link]` says it better.
pub const PATH_STRETCH: f64 = 1.3;

/// One way inside a region: half of the 0.5 ms round trip within a data centre (Dean, "Designs,
/// Lessons and Advice from Building Large Distributed Systems", LADIS 2009).
pub const WITHIN_REGION: Duration = Duration::from_micros(250);

/// Light in glass, in kilometres per second: two thirds of its speed in a vacuum.
const LIGHT_IN_FIBRE: f64 = 299_792.458 * 2.0 / 3.0;

/// The mean radius of the earth in kilometres (IUGG).
const EARTH_RADIUS: f64 = 6_371.008_8;

/// How long a message takes one way between two places, each latitude and longitude in degrees.
pub fn propagation(from: (f64, f64), to: (f64, f64)) -> Duration {
    Duration::from_secs_f64(light_secs(from, to) * PATH_STRETCH)
}

/// The least that it could take: by the straightest fibre.
pub fn light_time(from: (f64, f64), to: (f64, f64)) -> Duration {
    Duration::from_secs_f64(light_secs(from, to))
}

fn light_secs(from: (f64, f64), to: (f64, f64)) -> f64 {
    great_circle(from, to) / LIGHT_IN_FIBRE
}

/// Kilometres along the great circle (the haversine formula).
pub fn great_circle(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_lat, to_lat) = (from.0.to_radians(), to.0.to_radians());
    let half_lat = libm::sin((to_lat - from_lat) / 2.0);
    let half_lon = libm::sin((to.1 - from.1).to_radians() / 2.0);
    let chord = half_lat * half_lat + libm::cos(from_lat) * libm::cos(to_lat) * half_lon * half_lon;
    2.0 * EARTH_RADIUS * libm::asin(libm::sqrt(chord.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dublin_is_about_5_460_kilometres_from_northern_virginia() {
        let distance = great_circle(DUBLIN, VIRGINIA);

        assert!((5_400.0..5_520.0).contains(&distance), "{distance}");
    }

    #[test]
    fn the_way_there_is_as_long_as_the_way_back() {
        assert_eq!(propagation(DUBLIN, VIRGINIA), propagation(VIRGINIA, DUBLIN));
    }

    #[test]
    fn the_farthest_place_is_half_of_the_circumference_away() {
        let half = core::f64::consts::PI * EARTH_RADIUS;

        assert!((great_circle((0.0, 0.0), (0.0, 180.0)) - half).abs() < 1.0);
        assert!(great_circle(DUBLIN, DUBLIN) < 0.001);
    }

    const DUBLIN: (f64, f64) = (53.3, -6.3);
    const VIRGINIA: (f64, f64) = (39.0, -77.5);
}
