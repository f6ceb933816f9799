"""The map of the world on `/status`: land as a grid of dots, and where on it each region is.

A cell is 2.5 degrees wide and high; the grid goes from 80 degrees north to 55 degrees south. Its outlines are
rough: for people to find their way on, and nobody should sail by it.
"""

from __future__ import annotations

import math
import re
from typing import Final

import attrs

from wingthing.regions import REGIONS

CELL_DEGREES: Final = 2.5
NORTH: Final = 80.0
WEST: Final = -180.0
COLUMNS: Final = 144

LABEL_AT: Final = {
    "ams": (-0.4, -1.9, "end"),
    "cdg": (-1.6, 2.8, "end"),
    "dfw": (0.0, 3.4, "middle"),
    "iad": (0.8, 3.0, "start"),
    "lax": (-1.8, 2.4, "end"),
    "lhr": (-2.0, -0.4, "end"),
    "ord": (-2.0, 0.2, "end"),
    "sea": (-2.0, 0.7, "end"),
    "sjc": (-2.0, 0.5, "end"),
    "yyz": (0.2, -2.2, "middle"),
}
"""Region -> where its label stands beside its mark, in cells, and which end of it; so that neighbours do not
cover each other. All others have theirs on the right."""

RIGHT: Final = (2.4, 0.7, "start")


@attrs.frozen
class Mark:
    """A region on the map, in cells."""

    code: str
    city: str
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str


def place(latitude: float, longitude: float) -> tuple[float, float]:
    """Where a place is on the map: cells from its left and its upper edge, to the middle of a dot."""
    return (longitude - WEST) / CELL_DEGREES - 0.5, (NORTH - latitude) / CELL_DEGREES - 0.5


def _marks() -> tuple[Mark, ...]:
    found = []
    for code, region in REGIONS.items():
        x, y = place(region.latitude, region.longitude)
        right, down, anchor = LABEL_AT.get(code, RIGHT)
        found.append(
            Mark(code, region.city, round(x, 2), round(y, 2), round(x + right, 2), round(y + down, 2), anchor)
        )
    return tuple(found)


def arc(start: Mark, end: Mark) -> str:
    """The line from one region to another, as an SVG path that bends to the north."""
    across, down = end.x - start.x, end.y - start.y
    bend = math.hypot(across, down) * 0.22
    middle_x, middle_y = (start.x + end.x) / 2, (start.y + end.y) / 2 - bend
    return f"M{start.x} {start.y}Q{middle_x:.2f} {max(middle_y, 0):.2f} {end.x} {end.y}"


def _land() -> str:
    """The dots as an SVG path: one stroke for each run of land, to be drawn with dashes of no length."""
    rows = enumerate(LAND.strip("\n").split("\n"))
    runs = ((y, run.start(), len(run.group())) for y, row in rows for run in re.finditer("#+", row))
    # A dash that is to be drawn at the very end needs a little room.
    return "".join(f"M{x} {y}h{length - 1}.1" for y, x, length in runs)


LAND: Final = """
                                    ###### ######################            #####                             ##
                          ###       ####     ###################                                 #             ####
                       ##       #   ####         ###############                              ###       ###############
         #               ######   #  ######       #############                              ##    #################################
       #################  ####    ####  ######     #########                  #########      ###################################################
###   #################################   #####    ######      ###           #########   #######################################################
       ##############################     #####     ####       ##          ##### ##############################################################
      #############################      ##          ##                   #####  ######################################################  #####
        ###      ##################      ######                            ####   ###############################################       ###
                   ###################   #######                      #    # #  ###############################################       ###
                    ################### #########                   ####   #####################################################      ##
                     ############################                     ########################################################## #
                      ########################  ###                    ######################################################### #
                      #########################                        ########################################################
                      #######################                          #############   ####  #################################  ##
                      ######################                        #####    ## ####### ###  ###############################
                       ###################                   #      ####        #  ######### ###########################  #    ##
                       ###################                           ## ####      #   ##################################   #  ##
                        #################                            ########        ###################################     ##
                         ###############                            ########### #########################################
                          ########     #                         #  ################# #####  ############################
                           ######      #                          ##########################  ##########################
                             ####                                 #################### ########    ####################
        #                     ###   #   ##                       ###################### ########    #######  #######
         #                     ### ##    # # #                   ###################### #######      #####    ######
                                 ####                         #  ####################### #####       ####     #####     #
                                    ###                          ####################### ##           ##       #####    #
                                     ##   ##                      ######################## #          ##         ##      #
                                      ##########                   #########################                   #         #
                                         ########                   #######################                     #     #
                                         ###########                       ################                    ###   ##
                                        ############                        ##############                     ##   ###    #
                                        #############                       #############                       ##  ### #    #
                                        #################                   ############                         #   #  #  # #####
                                        ##################                   ###########                                       ####
                                        ##################                   ###########                               ##       # ##   #
                                         ################                    ###########
                                         ################                    ###########   #                                ##
                                           #############                     ###########  ##                              ##### ##
                                            ############                     #########   ###                            ###########            #
                                            ############                     #########   ##   ##                      ##############      #
                                            ##########                        ########   ##                          ################
                                            #########                         #######                                 ###############
                                            ########                           ######                                 ###############
                                           #########                           #####                                  ###############
                                           ########                            ####                                   ####   ########
                                           ######                                                                               ####
                                           #####                                                                                              #
                                           ####                                                                                   #          #
                                          ####                                                                                              #
                                          ###                                                                                              #
                                          ###
                                          ###   #
                                           ##
"""  # noqa: E501

ROWS: Final = len(LAND.strip("\n").split("\n"))
LAND_PATH: Final = _land()
MARKS: Final = _marks()
BY_CODE: Final = {mark.code: mark for mark in MARKS}
