"""The rules of the network, in nftables."""

from lab.programs import sh


def lay_down(body, through=()):
    """The lab's one table, made anew with these sets and chains; `through` is a command that leads into another namespace."""
    # declared, deleted, made anew: the first line keeps the delete from failing where there is no table yet
    text = f"table inet lab {{\n}}\ndelete table inet lab\ntable inet lab {{\n{body}\n}}\n"
    sh(*through, "nft", "-f", "-", input=text)


def incoming(*rules):
    """A chain for what comes in."""
    return "\n".join([" chain in {", "  type filter hook input priority 0", *(f"  {rule}" for rule in rules), " }"])
