//! Links between the pages of the repository lead to files and headings that exist.

use crate::{files, root};
use std::fs;
use std::path::Path;

/// A text in Markdown without its blocks and spans of code, line by line.
fn prose(text: &str) -> Vec<String> {
    let mut in_block = false;
    let line = |line: &str| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        let spans = if in_block || is_fence { "" } else { line };
        spans.split('`').step_by(2).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect()
}

/// Where the links of a line lead: `[text](target)`, or `[name]: target` at its beginning.
fn links(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let named = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(named).collect()
}

/// The anchors of a text: its headings as GitHub writes them, the second of one name as `name-1`.
fn anchors(text: &str) -> Vec<String> {
    let mut headings: Vec<String> = Vec::new();
    let mut anchors = Vec::new();
    for (line, _) in text.lines().zip(prose(text)).filter(|(_, prose)| prose.starts_with('#')) {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let heading: String = words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        let earlier = headings.iter().filter(|known| **known == heading).count();
        anchors.push(if earlier == 0 { heading.clone() } else { format!("{heading}-{earlier}") });
        headings.push(heading);
    }
    anchors
}

/// What is wrong with a link from a page, if anything is. Links to elsewhere are not followed.
fn broken_link(page: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let led_to = if file.is_empty() { page.to_owned() } else { page.parent()?.join(file) };
    if !led_to.exists() {
        return Some(format!("`{target}` leads nowhere"));
    }
    let has_anchor = || anchors(&fs::read_to_string(&led_to).unwrap()).iter().any(|known| known == anchor);
    let is_page = led_to.extension().is_some_and(|extension| extension == "md");
    (is_page && !anchor.is_empty() && !has_anchor()).then(|| format!("`{target}` names no heading"))
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = root();
    let (mut broken, mut followed) = (Vec::new(), 0);
    for page in files(&root, "md") {
        let text = fs::read_to_string(&page).unwrap();
        for (number, line) in prose(&text).iter().enumerate() {
            for target in links(line) {
                followed += 1;
                let place = format!("{}:{}", page.strip_prefix(&root).unwrap().display(), number + 1);
                broken.extend(broken_link(&page, target).map(|why| format!("{place}: {why}")));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(followed > 20, "links are found");
}

#[test]
fn broken_links_are_noticed() {
    let text = "# One `word`\n\n[a](b.md) and `[code](none)` [c](d.md#e \"title\")\n\n```md\n# no heading\n[x](y)\n```\n\n[n]: f.md\n# One word\n";
    let found: Vec<String> = prose(text).iter().flat_map(|line| links(line)).map(str::to_owned).collect();
    assert_eq!(found, ["b.md", "d.md#e", "f.md"]);
    assert_eq!(anchors(text), ["one-word", "one-word-1"]);
    let page = root().join("README.md");
    assert_eq!(broken_link(&page, "docs/none.md").as_deref(), Some("`docs/none.md` leads nowhere"));
    assert_eq!(broken_link(&page, "#no-such-heading").as_deref(), Some("`#no-such-heading` names no heading"));
    assert_eq!(broken_link(&page, "docs/ARCHITECTURE.md"), None);
    assert_eq!(broken_link(&page, "https://example.org/none"), None);
}
