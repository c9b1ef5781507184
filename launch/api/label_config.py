"""Label config: what a Label Studio project labels, read from its XML.

https://labelstud.io/tags/rectanglelabels: the names of the control and of the picture, the project's labels, and for
each label the wordings that its `predicted_values` name.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ...model.prompt import Phrase, Prompt
from .api_error import bad_request

_MAX_LENGTH = 256 * 1024
_PROMPT_NAMES = ("prompt", "groundcast_prompt")


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What a project labels.

    Args:
        control: the name of its RectangleLabels.
        picture: the name of its Image.
        field: the field of a task that holds the picture.
        labels: the project's labels, each with its wordings.
        prompt_control: the name of a TextArea in which a person writes a prompt; None without one.
    """

    control: str
    picture: str
    field: str
    labels: tuple[Phrase, ...]
    prompt_control: str | None = None

    def prompt(self, written: str | None = None) -> Prompt:
        """What to look for: what a person wrote, or else the project's labels.

        Raises:
            PromptError: neither can be asked.
        """
        return Prompt.parse(written) if written else Prompt(self.labels)

    def label_of(self, phrase: str) -> str | None:
        """The project's own label for a phrase, whatever its case; None if it has none.

        With a single label, every phrase that a person wrote is that label.
        """
        for label in self.labels:
            if phrase.lower() in (label.name.lower(), *(wording.lower() for wording in label.ask)):
                return label.name
        return self.labels[0].name if len(self.labels) == 1 else None


def read_label_config(text: str) -> LabelConfig:
    """Read a project's labelling configuration.

    Raises:
        ApiError: it is no XML, or has no rectangle labels over a picture.
    """
    if len(text) > _MAX_LENGTH or "<!" in text.replace("<!--", ""):  # no document type, so no entities
        raise bad_request("the label config is too long, or has a document type: leave it out")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise bad_request(f"the label config is no XML: {str(error)[:100]}") from error
    rectangles = root.find(".//RectangleLabels")
    if rectangles is None:
        raise bad_request("the label config has no <RectangleLabels>: boxes need one")
    picture = rectangles.get("toName", "")
    image = next((one for one in root.iter("Image") if one.get("name") == picture), None)
    if image is None:
        raise bad_request(f"the label config has no <Image name={picture[:40]!r}>, which its rectangles name")
    labels = tuple(_phrase(one) for one in rectangles.iter("Label") if one.get("value"))
    if not labels:
        raise bad_request("the label config names no <Label value=...>")
    areas = [one.get("name", "") for one in root.iter("TextArea")]
    prompt_control = next((name for name in areas if name in _PROMPT_NAMES), None)
    field = image.get("value", "").removeprefix("$")
    return LabelConfig(rectangles.get("name", ""), picture, field, labels, prompt_control)


def _phrase(label: ET.Element) -> Phrase:
    wordings = tuple(one.strip() for one in label.get("predicted_values", "").split(",") if one.strip())
    return Phrase(label.get("value", "")[:200], wordings[:50])
