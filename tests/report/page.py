"""A page of `segmap report`, read as a browser reads it, but strictly."""

import html.parser
import json

VOID = {"meta", "link", "br", "input"}
# Elements whose end may be left out, and what ends them.
CLOSED_BY = {
    "li": {"li"},
    "p": {"p", "ul", "div", "table", "h3", "details", "section"},
    "tr": {"tr", "tbody"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr", "tbody"},
    "thead": {"tbody"},
    "tbody": set(),
    "html": set(),
}


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.size = len(text.encode())
        self.open, self.ids, self.elements, self.faults = [], [], [], []
        self.texts = {}  # section: its text
        self.links, self.scripts = [], []
        self.title = ""
        self.feed(text)
        self.close()
        self.data = json.loads(self.scripts[0])

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("href", "src", "action", "data", "poster", "srcset"):
            if name in attributes:
                self.links.append(attributes[name])
        for name in attributes:
            if name.startswith("on"):
                self.faults.append(f"{tag} has {name}")
        while self.open and tag in CLOSED_BY.get(self.open[-1][0], ()):
            self.open.pop()
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append((tag, attributes))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        while self.open and self.open[-1][0] != tag and self.open[-1][0] in CLOSED_BY:
            self.open.pop()
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}, open: {[t for t, _ in self.open]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if "script" in tags:
            self.scripts[-1] += data
        elif "title" in tags and "svg" not in tags:
            self.title += data
        for tag, attributes in self.open:
            if tag in ("section", "header"):
                key = attributes.get("id", tag)
                self.texts[key] = self.texts.get(key, "") + data

    def of_class(self, name):
        return [e for e in self.elements if name in (e[1].get("class") or "").split()]
