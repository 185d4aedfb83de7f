//! Reads an administrative template (ADMX) and its texts (ADML) as far as port26's own use them; anything else in them is an
//! error of the test, so that nothing is there that no test has looked at.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What a policy is made of: the schema's element with its limits.
#[derive(Debug)]
pub enum Element {
    Enum { items: Vec<(String, String)> },
    Decimal { min: i64, max: i64 },
    MultiText,
    Text,
}

impl Element {
    /// The box of the texts file that fills it.
    pub fn box_kind(&self) -> &'static str {
        match self {
            Self::Enum { .. } => "dropdownList",
            Self::Decimal { .. } => "decimalTextBox",
            Self::MultiText => "multiTextBox",
            Self::Text => "textBox",
        }
    }
}

#[derive(Debug)]
pub enum Kind {
    Switch { enabled: i64, disabled: i64 },
    Element(Element),
}

#[derive(Debug)]
pub struct PolicyEntry {
    pub name: String,
    pub class: String,
    pub key: String,
    pub value_name: String,
    pub kind: Kind,
    pub children: Vec<String>,
}

#[derive(Debug)]
pub struct Template {
    pub policies: Vec<PolicyEntry>,
    /// Every `$(string.ID)` and `$(presentation.ID)`.
    pub references: Vec<String>,
    /// Every name and id that is given.
    pub names: Vec<String>,
}

#[derive(Debug)]
pub struct Box {
    pub presentation: String,
    pub kind: String,
    pub refers_to: String,
}

#[derive(Debug)]
pub struct Words {
    pub strings: Vec<(String, String)>,
    pub boxes: Vec<Box>,
}

/// One element of the XML with all below it.
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Node>,
}

impl Node {
    fn parse(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut open: Vec<Node> = Vec::new();
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("not XML: {error}")) {
                Event::Start(tag) => open.push(Self::of(&tag)),
                Event::Empty(tag) => open.last_mut().unwrap().children.push(Self::of(&tag)),
                Event::End(_) => {
                    let node = open.pop().unwrap();
                    match open.last_mut() {
                        Some(above) => above.children.push(node),
                        None => return node,
                    }
                }
                Event::Text(text) => {
                    if let Some(node) = open.last_mut() {
                        node.text.push_str(&text);
                    }
                }
                Event::Eof => panic!("the XML ends in the middle"),
                _ => {}
            }
        }
    }

    fn of(tag: &BytesStart<'_>) -> Self {
        let attribute = |one: Result<quick_xml::events::attributes::Attribute<'_>, _>| {
            let one = one.unwrap();
            (one.key.as_ref().to_owned(), one.value.to_string())
        };
        Self {
            name: tag.name().as_ref().to_owned(),
            attributes: tag.attributes().map(attribute).collect(),
            text: String::new(),
            children: Vec::new(),
        }
    }

    #[track_caller]
    fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    #[track_caller]
    fn child(&self, name: &str) -> &Node {
        self.children.iter().find(|child| child.name == name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    fn walk(&self, visit: &mut impl FnMut(&Node)) {
        visit(self);
        self.children.iter().for_each(|child| child.walk(visit));
    }
}

impl Template {
    pub fn parse(xml: &str) -> Self {
        let root = Node::parse(xml);
        assert_eq!(root.name, "policyDefinitions");
        let (mut references, mut names) = (Vec::new(), Vec::new());
        root.walk(&mut |node| {
            for (name, value) in &node.attributes {
                match name.as_str() {
                    "name" | "id" => names.push(value.clone()),
                    _ if value.starts_with("$(") => references.push(value.clone()),
                    _ => {}
                }
            }
        });
        let category = root.child("categories").child("category").attribute("name").to_owned();
        let supported = root.child("supportedOn").child("definitions").child("definition").attribute("name").to_owned();
        let entry = |policy: &Node| {
            assert_eq!(policy.child("parentCategory").attribute("ref"), category);
            assert_eq!(policy.child("supportedOn").attribute("ref"), supported);
            Self::entry(policy)
        };
        Self { policies: root.child("policies").children.iter().map(entry).collect(), references, names }
    }

    fn entry(policy: &Node) -> PolicyEntry {
        let children: Vec<String> = policy.children.iter().map(|child| child.name.clone()).collect();
        let (value_name, kind) = if children.iter().any(|child| child == "elements") {
            let elements = &policy.child("elements").children;
            assert_eq!(elements.len(), 1, "a setting is one value");
            let element = &elements[0];
            assert_eq!(element.attribute("id"), policy.attribute("name"));
            assert_eq!(element.attribute("required"), "true", "an empty box would be written as an empty value");
            assert_eq!(policy.attribute("presentation"), format!("$(presentation.{})", policy.attribute("name")));
            (element.attribute("valueName"), Kind::Element(Self::element(element)))
        } else {
            let number = |child: &str| policy.child(child).child("decimal").attribute("value").parse().unwrap();
            let kind = Kind::Switch { enabled: number("enabledValue"), disabled: number("disabledValue") };
            (policy.attribute("valueName"), kind)
        };
        PolicyEntry {
            name: policy.attribute("name").to_owned(),
            class: policy.attribute("class").to_owned(),
            key: policy.attribute("key").to_owned(),
            value_name: value_name.to_owned(),
            kind,
            children,
        }
    }

    fn element(element: &Node) -> Element {
        let number = |name: &str| element.attribute(name).parse().unwrap();
        match element.name.as_str() {
            "enum" => {
                let item = |item: &Node| {
                    let word = item.child("value").child("string").text.clone();
                    (item.attribute("displayName").to_owned(), word)
                };
                Element::Enum { items: element.children.iter().map(item).collect() }
            }
            "decimal" => Element::Decimal { min: number("minValue"), max: number("maxValue") },
            "multiText" => Element::MultiText,
            "text" => Element::Text,
            other => panic!("{other}: say in tests/support/admx.rs what it writes"),
        }
    }
}

impl Words {
    pub fn parse(xml: &str) -> Self {
        let root = Node::parse(xml);
        assert_eq!(root.name, "policyDefinitionResources");
        let resources = root.child("resources");
        let string = |node: &Node| (node.attribute("id").to_owned(), node.text.clone());
        let boxes = |presentation: &Node| {
            let id = presentation.attribute("id").to_owned();
            let of = |node: &Node| Box {
                presentation: id.clone(),
                kind: node.name.clone(),
                refers_to: node.attribute("refId").to_owned(),
            };
            presentation.children.iter().map(of).collect::<Vec<_>>()
        };
        Self {
            strings: resources.child("stringTable").children.iter().map(string).collect(),
            boxes: resources.child("presentationTable").children.iter().flat_map(boxes).collect(),
        }
    }
}
