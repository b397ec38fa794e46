//! What the clients say: JSON as applications send it, another text in every message, the same in every run.

use std::fmt::Write;

use fastrand::Rng;

/// Bytes of a message that has room for what every message says.
pub(crate) const SHORTEST: usize = 128;

/// `count` messages of exactly `bytes` bytes each, which must be at least [`SHORTEST`].
pub(crate) fn messages(count: usize, bytes: usize) -> Vec<String> {
    let mut random = Rng::with_seed(bytes as u64);
    (0..count).map(|_| message(&mut random, bytes)).collect()
}

/// Small messages are one record, longer ones a list of them: short ones, or texts of a kilobyte in a long list.
fn message(random: &mut Rng, bytes: usize) -> String {
    const END: &str = "]}";
    let longest = if bytes < 64 * 1024 { 400 } else { 1500 };
    if bytes < 2 * longest {
        return record(random, bytes);
    }
    let mut text = format!(r#"{{"type":"batch","page":{},"items":["#, random.u32(1..1000));
    loop {
        let left = bytes - text.len() - END.len();
        if left < longest + SHORTEST {
            text += &record(random, left);
            return text + END;
        }
        let length = random.usize(SHORTEST..longest);
        text += &record(random, length);
        text.push(',');
    }
}

fn record(random: &mut Rng, bytes: usize) -> String {
    let id = random.u32(1_000_000..10_000_000);
    let name = pick(random, NAMES);
    let mut text = match random.u8(0..4) {
        0 | 1 => {
            format!(r#"{{"type":"chat","id":{id},"room":"{}","from":"{name}","text":""#, pick(random, ROOMS))
        }
        2 => {
            let (count, price) = (random.u8(1..50), f64::from(random.u32(100..100_000)) / 100.0);
            format!(r#"{{"type":"order","id":{id},"by":"{name}","count":{count},"price":{price},"note":""#)
        }
        _ => {
            let (latitude, longitude) = (random.f64() * 60.0, random.f64() * 90.0);
            format!(r#"{{"type":"at","id":{id},"lat":{latitude:.5},"lon":{longitude:.5},"on":true,"note":""#)
        }
    };
    fill(random, &mut text, bytes - 2);
    text + "\"}"
}

/// Adds words until `text` has exactly `bytes` bytes.
fn fill(random: &mut Rng, text: &mut String, bytes: usize) {
    'full: loop {
        for word in pick(random, SENTENCES).split_inclusive(' ') {
            if text.len() + word.len() + 1 > bytes {
                break 'full;
            }
            text.push_str(word);
        }
        text.push(' ');
    }
    while text.len() < bytes {
        // A number of any length is as good as a word.
        let _ = write!(text, "{}", random.u8(0..10));
    }
}

fn pick<'a>(random: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[random.usize(..choices.len())]
}

const NAMES: &[&str] = &["Ada", "O'Brien", "Zoë", "李雷", "Jean-Luc", "Anna Maria", "priya.k", "tom_77"];
const ROOMS: &[&str] = &["general", "support", "team-7", "lobby", "sales/eu"];

/// What people write, within the quotes of JSON. Some have the marks that attacks are made of.
const SENTENCES: &[&str] = &[
    "Hello, is anybody there?",
    "The meeting moved to Tuesday, 10:30.",
    "Thanks, see you tomorrow!",
    "It's fine, don't worry about it.",
    "Please select a table near the window.",
    "The parcel is ready, the price went down by 20%.",
    "Naïve question: does the café open on Sunday?",
    "Das wird größer als gedacht.",
    "Привет, как дела?",
    "Sounds good 👍",
    "I'd rather leave it, or move it to the next release.",
    "Who is in the team now, and who was there last year?",
    "We tried both, and neither made a difference to the customers.",
    "Mail me at ada@example.org or call +44 20 7946 0000.",
    "See https://example.org/docs?page=2&lang=en for more.",
    "We have three of them left in the warehouse, more will come on Friday.",
    r#"\"Quoted\" as she said, on page 12."#,
    "Not sure; where did you put the keys?",
    "Could you send me the figures of the last quarter before noon?",
    "The train is late again, I will be there at a quarter past nine.",
    "Nobody told me that the office is closed today.",
    "That was a great game last night, the second half at least.",
    "I can't find the charger, did somebody take it home?",
    "The new version feels much faster on my old phone.",
    "Let's talk about the budget when Maria is back from Lisbon.",
    "Dinner at eight, bring a jacket, the terrace gets cold.",
    "My flight lands at 18:45 and the hotel is close to the airport.",
    "The customer asked twice for an invoice with the right address.",
    "Which colour do you prefer, the dark green or the light one?",
    "She has moved to the support team and likes it there.",
    "You're right, the second figure is wrong by a factor of ten.",
    "There are twelve people in the queue and only one desk is open.",
    "Good idea, but it needs somebody who has the time for it.",
    "The battery lasts for two days, with the radio off even for five.",
    "I have uploaded the photos of the trip, have a look at them.",
    "Happy birthday, and all the best for the new year of your life!",
    "Rain until noon, then sun, says the forecast for the weekend.",
    "He left the company in March after eleven years.",
    "No problem at all, take your time.",
    "Both doors were open when I came, and the lights were on.",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn messages_are_json_of_the_length_and_all_different() {
        for bytes in [128, 1024, 16 * 1024, 64 * 1024, 1 << 20] {
            let count = if bytes > 16 * 1024 { 2 } else { 100 };
            let texts = messages(count, bytes);
            assert_eq!(texts.iter().collect::<HashSet<_>>().len(), count);
            for text in texts {
                assert_eq!(text.len(), bytes);
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn every_run_says_the_same() {
        assert_eq!(messages(3, 128), messages(3, 128));
    }
}
