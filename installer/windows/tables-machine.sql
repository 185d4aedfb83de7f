-- As tables.sql, for the MSI for all users: the policies.
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberMode', 51, 'MODE', '[OLD_MODE]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberMode', 'OLD_MODE AND NOT MODE', 61)
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberHosts', 51, 'HOST_ALLOW_LIST', '[OLD_HOST_ALLOW_LIST]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberHosts', 'OLD_HOST_ALLOW_LIST AND NOT HOST_ALLOW_LIST', 62)
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberSchedule', 51, 'SCHEDULE', '[OLD_SCHEDULE]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberSchedule', 'OLD_SCHEDULE AND NOT SCHEDULE', 63)
UPDATE `Component` SET `Condition` = 'MODE', `Attributes` = 324 WHERE `Component` = 'Mode'
UPDATE `Component` SET `Condition` = 'HOST_ALLOW_LIST', `Attributes` = 324 WHERE `Component` = 'Hosts'
UPDATE `Component` SET `Condition` = 'SCHEDULE', `Attributes` = 324 WHERE `Component` = 'Schedule'
