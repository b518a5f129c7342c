"""tbd"""
def run(world, report):
    pass
