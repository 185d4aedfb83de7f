-- As tables.sql, for the MSI for all users: the policies.
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberMode', 51, 'MODE', '[OLD_MODE]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberMode', 'OLD_MODE AND NOT MODE', 61)
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberHosts', 51, 'HOST_ALLOW_LIST', '[OLD_HOST_ALLOW_LIST]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberHosts', 'OLD_HOST_ALLOW_LIST AND NOT HOST_ALLOW_LIST', 62)
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberSchedule', 51, 'SCHEDULE', '[OLD_SCHEDULE]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberSchedule', 'OLD_SCHEDULE AND NOT SCHEDULE', 63)
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberFolder', 51, 'INSTALLDIR', '[OLD_INSTALLDIR]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberFolder', 'OLD_INSTALLDIR AND NOT INSTALLDIR', 64)
UPDATE `Component` SET `Condition` = 'MODE', `Attributes` = 324 WHERE `Component` = 'Mode'
UPDATE `Component` SET `Condition` = 'HOST_ALLOW_LIST', `Attributes` = 324 WHERE `Component` = 'Hosts'
UPDATE `Component` SET `Condition` = 'SCHEDULE', `Attributes` = 324 WHERE `Component` = 'Schedule'

-- Programs that run for every user lie where no user may write: in no other folder than one below Program Files (action type
-- 19 ends the installation with a message). After the folders are known (CostFinalize, 1000). Removing is always allowed.
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RefuseFolder', 19, '', 'INSTALLDIR must be a folder below [ProgramFiles64Folder], where no user may write; not [INSTALLDIR].')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RefuseFolder', 'NOT (REMOVE ~= "ALL") AND (NOT (INSTALLDIR ~<< ProgramFiles64Folder) OR INSTALLDIR >< "..")', 1001)
