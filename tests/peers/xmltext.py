"""xmltext.py: text within XML.  xml.sax.saxutils, which has the same, brings
urllib with it: a third of what a small case costs."""


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(
        ">", "&gt;")


def quoteattr(text):
    """An attribute's value, with its quotes."""
    text = escape(text).replace('"', "&quot;")
    for c in "\n\r\t":
        text = text.replace(c, "&#%d;" % ord(c))
    return '"%s"' % text
